"""Rules on an EpochWorker. Its framework draws weights and batches, so it has no reference: it must learn and repeat itself."""

import numpy as np

from levelfield.data import Dataset, from_arrays
from levelfield.worker import EpochWorker
from tests.contract.harness import MakeEpochWorker
from tests.contract.interface import assert_describes, assert_only_reads, assert_runs_through_train, assert_signatures
from tests.contract.registry import every_workload, rule
from tests.contract.synthetic import WORKLOAD, dataset_of

LEARNING_EPOCHS, LEARNING_RATE = 8, 5e-3


@rule(make=MakeEpochWorker)
def epoch_worker_has_the_signatures_of_the_protocol(make_worker: MakeEpochWorker) -> None:
    assert_signatures(make_worker.factory(), EpochWorker)


@rule(make=MakeEpochWorker)
def fit_trains_one_epoch_at_a_time(make_worker: MakeEpochWorker) -> None:
    """The stopwatch stops at each epoch's end, so nothing may be trained ahead of it."""
    worker = make_worker()
    losses, logits = [], []
    for loss in worker.fit(2):
        assert type(loss) is float, f"fit() yields a {type(loss).__name__}, not a float"
        losses.append(loss)
        logits.append(worker.predict())
    assert len(losses) == 2, f"fit(2) yielded {len(losses)} losses"
    assert (logits[0] != logits[1]).any(), "the logits after the first epoch are those after the second: it was trained ahead"


@rule(make=MakeEpochWorker, workloads=every_workload)
def fits_and_predicts_every_test_example(make_worker: MakeEpochWorker) -> None:
    worker, workload = make_worker(), make_worker.workload
    losses = list(worker.fit(1))
    assert np.isfinite(losses).all(), f"fit() yielded {losses}"
    logits, expected = worker.predict(), (len(dataset_of(workload).y_test), workload.outputs)
    assert logits.shape == expected, f"predict() gave logits of shape {logits.shape}, expected {expected}"
    assert np.isfinite(logits).all(), "the logits are not finite"


@rule(make=MakeEpochWorker)
def epoch_worker_learns(make_worker: MakeEpochWorker) -> None:
    """Each class has its own bright pixel; a network that does not find it, or predicts in another order, is broken."""
    dataset = _learnable()
    worker = make_worker(dataset=dataset, learning_rate=LEARNING_RATE)
    losses = list(worker.fit(LEARNING_EPOCHS))
    assert losses[-1] < losses[0] / 2, f"the training loss went from {losses[0]:.3f} to {losses[-1]:.3f} in {LEARNING_EPOCHS} epochs"
    logits = worker.predict()
    accuracy = float((logits.argmax(axis=1) == dataset.y_test).mean())
    assert accuracy > 0.8, f"the training loss is {losses[-1]:.3f}, but the accuracy on like test examples {accuracy:.2f}"
    assert not np.allclose(logits.sum(axis=1), 1, atol=1e-3), "each row of logits adds up to 1: these are probabilities"


def _learnable() -> Dataset:
    rng = np.random.Generator(np.random.PCG64(11))
    arrays = {}
    for part, examples in (("train", 320), ("test", 50)):
        labels = rng.permutation(np.arange(examples) % WORKLOAD.classes)
        images = rng.random((examples, *WORKLOAD.input_shape)) * 0.2
        images[np.arange(examples), 2 + labels // 4, 2 + labels % 4] += 0.8
        arrays |= {f"x_{part}": images.astype(np.float32), f"y_{part}": labels}
    return from_arrays("learnable", arrays)


@rule(make=MakeEpochWorker)
def epoch_worker_repeats_itself_by_its_seed(make_worker: MakeEpochWorker) -> None:
    """To the last bit on a CPU; a GPU may add up in another order."""
    first, again, other = (np.array(list(make_worker(seed=seed).fit(2))) for seed in (1, 1, 2))
    tolerance = 0.0 if make_worker.device == "cpu" else 1e-3
    assert np.abs(first - again).max() <= tolerance, f"two runs with one seed: losses {first} and {again}"
    assert (first != other).all(), f"two seeds give the same losses, {first}: the seed is ignored"


@rule(make=MakeEpochWorker)
def epoch_worker_describes_itself_in_plain_types(make_worker: MakeEpochWorker) -> None:
    assert_describes(make_worker().describe())


@rule(make=MakeEpochWorker)
def epoch_worker_only_reads_the_given_arrays(make_worker: MakeEpochWorker) -> None:
    def use(dataset: Dataset) -> None:
        worker = make_worker(dataset=dataset)
        for _ in worker.fit(1):
            worker.predict()

    assert_only_reads(use)


@rule(make=MakeEpochWorker)
def epoch_worker_runs_through_train_to_a_result(make_worker: MakeEpochWorker) -> None:
    result = assert_runs_through_train(make_worker)
    assert result.step_losses == [], f"{len(result.step_losses)} losses of steps that nobody saw"
    assert [block.epoch for block in result.blocks] == [0, 1], f"the blocks {result.blocks} are not one an epoch"
