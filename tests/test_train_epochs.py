"""`levelfield.training.train` with a worker that has its own loop: the track ``article``."""

import dataclasses
from types import SimpleNamespace

import pytest

from levelfield.result import Epoch, RunResult, Status
from levelfield.spec import RunSpec
from levelfield.training import Started, train
from tests.contract.synthetic import DATASET, WORKLOAD
from tests.fake_epoch_worker import NumpyEpochWorker

SPEC = RunSpec(workload="digits_cnn", framework="numpy", mode="plain", seed=0, track="article", epochs=3)


def run(worker=None, **fields):
    """100 training examples: four steps an epoch."""
    return list(train(worker or NumpyEpochWorker(), dataclasses.replace(SPEC, **fields), WORKLOAD, lambda: DATASET, threads=1))


def replacing(number, loss):
    """A worker whose loss in epoch ``number``, counted from 0, is another."""

    class Worker(NumpyEpochWorker):
        def fit(self, epochs):
            for epoch, mean in enumerate(super().fit(epochs)):
                yield loss if epoch == number else mean

    return Worker()


def test_events_come_in_order_and_losses_are_those_of_the_worker():
    started, *epochs, result = run()
    assert started == Started(epochs=3, steps_per_epoch=4)
    assert [type(event) for event in (*epochs, result)] == [Epoch, Epoch, Epoch, RunResult]
    assert (result.status, result.epochs) == (Status.OK, epochs)
    assert [epoch.train_loss for epoch in run(replacing(1, 7.5))[-1].epochs] == [epochs[0].train_loss, 7.5, epochs[2].train_loss]


def test_what_the_last_epoch_took_each_test_example_for_is_kept():
    result = run(worker := NumpyEpochWorker())[-1]
    assert result.predictions.predicted().tolist() == worker.predict().argmax(axis=1).tolist()
    assert result.predictions.correct().sum() == result.epochs[-1].test_correct


def test_a_block_is_an_epoch_and_the_first_is_warm_up():
    blocks = run()[-1].blocks
    assert [(b.epoch, b.first_step, b.steps, b.samples, b.steady) for b in blocks] == [
        (0, 0, 4, 100, False),
        (1, 0, 4, 100, True),
        (2, 0, 4, 100, True),
    ]


def test_batch_size_of_the_spec_decides_the_steps():
    assert [block.steps for block in run(batch_size=30, epochs=1)[-1].blocks] == [4]
    assert [block.steps for block in run(batch_size=20, epochs=1)[-1].blocks] == [5]


def test_nothing_is_said_of_what_the_core_did_not_give():
    result = run()[-1]
    assert result.step_losses == []
    assert result.fingerprints == {"data": DATASET.fingerprint}
    assert result.description["data_source"] == "embedded"


def test_fit_that_ends_early_is_an_error():
    class EndsEarly(NumpyEpochWorker):
        def fit(self, epochs):
            yield next(super().fit(epochs))

    with pytest.raises(ValueError, match=r"fit\(\) ended after 1 of 3 epochs"):
        run(EndsEarly())


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_is_a_divergence_at_its_epochs_last_step(loss):
    *events, result = run(replacing(1, loss))
    assert result.status is Status.DIVERGED
    assert result.failure.step == 8
    assert "not finite in the epoch that ends with step 8" in result.failure.reason
    assert [event.epoch for event in events[1:]] == [0], "the epoch that diverged is not judged"
    assert [block.epoch for block in result.blocks] == [0, 1], "it was trained all the same"
    assert result.wall_ns == sum(result.phases_ns.values())


def test_phases_are_what_was_spent_in_them(monkeypatch):
    clock = SimpleNamespace(now=1_000)
    monkeypatch.setattr("levelfield.training.time", SimpleNamespace(perf_counter_ns=lambda: clock.now))

    class Timed(NumpyEpochWorker):
        def fit(self, epochs):
            for loss in super().fit(epochs):
                clock.now += 10_000
                yield loss

        def synchronize(self):
            clock.now += 500

        def predict(self):
            clock.now += 1_000_000
            return super().predict()

    result = run(Timed())[-1]
    assert [block.duration_ns for block in result.blocks] == [10_500] * 3
    spent = {name: ns for name, ns in result.phases_ns.items() if ns}
    assert spent == {"warmup": 10_500, "train": 21_000, "evaluate": 3_000_000}
