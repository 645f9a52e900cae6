"""`levelfield.training.train` with a worker in NumPy: what is counted, what is timed, and how a run ends."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from levelfield import workloads
from levelfield.result import PHASES, Epoch, RunResult, Status
from levelfield.spec import RunSpec
from levelfield.training import WARMUP_STEPS, Alive, Started, train
from levelfield.workloads.base import fingerprint
from tests import misbehaving_workers
from tests.contract.synthetic import DATASET, TEST_EXAMPLES, WORKLOAD, make_dataset
from tests.fake_worker import NumpyWorker

SPEC = RunSpec(workload="digits_cnn", framework="numpy", mode="plain", seed=0, epochs=2)
BLOCKS_OF_THREE = dataclasses.replace(WORKLOAD, block_steps=3)


def run(worker=None, *, workload=BLOCKS_OF_THREE, before_ns=None, **fields):
    """All events of a run on the synthetic data set: 100 training examples, so 32, 32, 32 and 4."""
    spec = dataclasses.replace(SPEC, **fields)
    return list(train(worker or NumpyWorker(), spec, workload, lambda: DATASET, threads=1, before_ns=before_ns))


class Clock:
    """Time passes only when a worker's method says so."""

    now = 1_000

    def perf_counter_ns(self):
        return self.now


class TimedWorker(NumpyWorker):
    """Each method takes its own number of nanoseconds, all of them different powers of ten or their multiples."""

    def __init__(self, clock):
        self.clock = clock

    def setup(self, spec, *, threads):
        self.clock.now += 1
        super().setup(spec, threads=threads)

    def load(self, dataset):
        self.clock.now += 10
        super().load(dataset)

    def build(self, spec, workload, weights):
        self.clock.now += 100
        super().build(spec, workload, weights)

    def begin_epoch(self, order):
        self.clock.now += 1_000
        super().begin_epoch(order)

    def train_steps(self, n):
        self.clock.now += 10_000 * n
        super().train_steps(n)

    def synchronize(self):
        self.clock.now += 5_000

    def predict(self):
        self.clock.now += 1_000_000
        return super().predict()


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr("levelfield.training.time", SimpleNamespace(perf_counter_ns=clock.perf_counter_ns))
    return clock


def test_events_come_in_order_and_cover_everything():
    started, first, second, result = run()
    assert started == Started(epochs=2, steps_per_epoch=4)
    assert (type(first), type(second), type(result)) == (Epoch, Epoch, RunResult)
    assert result.status is Status.OK
    assert result.epochs == [first, second]
    assert len(result.step_losses) == 8
    assert first.train_loss == np.mean(result.step_losses[:4])
    assert second.train_loss == np.mean(result.step_losses[4:])
    assert first.test_examples == TEST_EXAMPLES
    assert result.fingerprints["data"] == DATASET.fingerprint
    assert result.fingerprints["initial_weights"] == fingerprint(WORKLOAD.initial_weights(0))
    assert result.description["framework"] == "NumPy"
    assert result.description["data_source"] == DATASET.source == "embedded"
    assert result.memory_bytes["process_peak_rss"] > 0


def test_blocks_hold_every_step_and_every_sample():
    blocks = run()[-1].blocks
    assert [(b.epoch, b.first_step, b.steps, b.samples) for b in blocks] == [(0, 0, 3, 96), (0, 3, 1, 4), (1, 0, 3, 96), (1, 3, 1, 4)]


def test_batch_size_of_the_spec_decides_the_steps():
    started, *_, result = run(batch_size=30)
    assert started.steps_per_epoch == 4
    assert [b.samples for b in result.blocks] == [90, 10, 90, 10]
    assert run(batch_size=50)[-1].blocks[0].samples == 100


@pytest.mark.parametrize(("batch_size", "epochs", "warmup"), [(32, 7, 20), (4, 2, 25), (4, 1, 21)])
def test_warm_up_lasts_at_least_twenty_steps_and_the_first_of_several_epochs(batch_size, epochs, warmup):
    """A block counts as warm-up as a whole: with blocks of 3, the 20th step of a single epoch lies in the block that ends at 21."""
    blocks = run(batch_size=batch_size, epochs=epochs)[-1].blocks
    steady = [b.steady for b in blocks]
    assert steady == sorted(steady), "a steady block came before warm-up had ended"
    assert sum(b.steps for b in blocks if not b.steady) == warmup >= WARMUP_STEPS


def test_phases_are_what_was_spent_in_them(clock):
    *_, first, second, result = run(TimedWorker(clock), before_ns={"process_start": 7, "import": 8}, epochs=6)
    epoch_ns = 4 * 10_000 + 2 * 5_000
    expected = {"process_start": 7, "import": 8, "data": 10, "device": 1, "build": 100, "evaluate": 6_000_000, "other": 6_000}
    assert result.phases_ns == expected | {"warmup": 5 * epoch_ns, "train": epoch_ns}
    assert set(result.phases_ns) == set(PHASES) - {"join", "checkpoint"}, "it was alone, and kept nothing"
    assert result.wall_ns == sum(result.phases_ns.values())
    assert (first.train_ns, second.evaluate_ns) == (epoch_ns, 1_000_000)
    assert [b.duration_ns for b in result.blocks] == [35_000, 15_000] * 6


def test_phases_add_up_on_the_real_clock():
    result = run(before_ns={"process_start": 123_456_789})[-1]
    assert result.wall_ns == sum(result.phases_ns.values())
    assert all(ns >= 0 for ns in result.phases_ns.values())
    assert result.phases_ns["process_start"] == 123_456_789


@pytest.mark.parametrize("block_steps", [1, 3, 15])
def test_divergence_names_its_step_whatever_the_blocks_are(block_steps):
    workload = dataclasses.replace(WORKLOAD, block_steps=block_steps)
    *_, last_epoch, result = run(misbehaving_workers.Diverges(), workload=workload, seed=1, epochs=20)
    assert result.status is Status.DIVERGED
    assert result.failure.step == misbehaving_workers.BAD_STEP
    assert np.flatnonzero(~np.isfinite(result.step_losses)).tolist() == [misbehaving_workers.BAD_STEP - 1]
    assert last_epoch.epoch == 11, "the epoch that diverged is not judged"
    assert result.wall_ns == sum(result.phases_ns.values())


def test_an_exception_of_the_worker_passes_through():
    with pytest.raises(RuntimeError, match="imaginary memory in epoch 2"):
        run(misbehaving_workers.Raises(), seed=1)


def test_logits_of_another_shape_are_refused():
    class ForgetsOne(NumpyWorker):
        def predict(self):
            return super().predict()[1:]

    with pytest.raises(ValueError, match=r"shape \(29, 10\), expected \(30, 10\)"):
        run(ForgetsOne())


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", "float32"), ("fp64", "float64")])
def test_each_precision_gets_the_same_weights_rounded_to_it(precision, dtype):
    """The fingerprint is that of the weights before rounding, so that sides of different precision can be a pair."""
    given = []

    class Remembers(NumpyWorker):
        def build(self, spec, workload, weights):
            given.append(weights)
            super().build(spec, workload, weights)

    result = run(Remembers(), precision=precision)[-1]
    exact = WORKLOAD.initial_weights(0)
    assert result.fingerprints["initial_weights"] == fingerprint(exact)
    for name, array in given[0].items():
        assert array.dtype == dtype
        assert np.array_equal(array, exact[name].astype(dtype))


def test_logits_that_are_not_finite_are_a_divergence_too():
    """The very last update may be the one that breaks the network, and no training loss follows it."""

    class BreaksAtTheEnd(NumpyWorker):
        def predict(self):
            return super().predict() * np.inf

    result = run(BreaksAtTheEnd(), epochs=1)[-1]
    assert result.status is Status.DIVERGED
    assert result.failure.step == len(result.step_losses) == 4
    assert "logits are not finite after step 4" in result.failure.reason
    assert result.epochs == []


class Remembers(NumpyWorker):
    """Keeps the logits of every evaluation."""

    def __init__(self):
        self.logits = []

    def predict(self):
        self.logits.append(super().predict())
        return self.logits[-1]


def test_what_the_last_epoch_took_each_test_example_for_is_kept():
    worker = Remembers()
    *_, last, result = run(worker, epochs=3)
    classes = [logits.argmax(axis=1).tolist() for logits in worker.logits]
    assert classes[-1] not in classes[:-1], "this test could not tell the last epoch"
    assert result.predictions.predicted().tolist() == classes[-1]
    assert result.predictions.correct().sum() == last.test_correct
    assert (result.predictions.classes, result.predictions.examples) == (WORKLOAD.classes, TEST_EXAMPLES)


def test_a_single_logit_is_kept_as_one_of_two_classes():
    workload = workloads.get("imdb_lstm")
    dataset = make_dataset(workload, train_examples=8, test_examples=20)
    spec = dataclasses.replace(SPEC, workload=workload.name, epochs=1)
    result = list(train(worker := Remembers(), spec, workload, lambda: dataset, threads=1))[-1]
    assert result.predictions.predicted().tolist() == (worker.logits[-1][:, 0] > 0).astype(int).tolist()
    assert (result.predictions.classes, result.predictions.examples) == (2, 20)


def test_a_run_that_does_not_come_to_its_end_keeps_no_predictions():
    diverged = run(misbehaving_workers.Diverges(), seed=1, epochs=20)[-1]
    assert (len(diverged.epochs) > 0, diverged.predictions) == (True, None)
    assert run(trains=False)[-1].predictions is None


def test_the_first_block_with_the_smaller_last_batch_is_never_steady():
    """Its shape is compiled there, also in a run of a single epoch."""
    many = dataclasses.replace(BLOCKS_OF_THREE, batch_size=3)
    blocks = run(workload=many, epochs=1, batch_size=3)[-1].blocks
    assert [block.steady for block in blocks] == [block.first_step >= 20 and block is not blocks[-1] for block in blocks]
    assert any(block.steady for block in blocks)


def test_signs_of_life_come_between_blocks(monkeypatch):
    """On a clock of which every look takes 4 s."""
    now = iter(range(0, 10**15, 4 * 10**9))
    monkeypatch.setattr("levelfield.training.time", SimpleNamespace(perf_counter_ns=lambda: next(now)))
    found = [event for event in run() if isinstance(event, Alive)]
    assert found
    assert all(event.phase == "train" for event in found)
    assert [event.steps for event in found] == sorted({event.steps for event in found})
