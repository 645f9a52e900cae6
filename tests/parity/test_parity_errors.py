"""Workers that cannot even be compared."""

from types import SimpleNamespace

import pytest

from levelfield.failures import REASON_LIMIT
from levelfield.parity.comparison import ParityError, compare
from levelfield.worker import Trace
from services.actor import WorkerActor
from tests.fake_worker import NumpyWorker
from tests.parity.small import IMAGES, experiment, honest, record

OF = experiment(IMAGES, "fp64")


class NamesItsKernelsWeights(NumpyWorker):
    def trace(self, index, masks):
        trace = super().trace(index, masks)
        gradients = {name.replace("conv1/kernel", "conv1/weight"): array for name, array in trace.gradients.items()}
        return Trace(loss=trace.loss, outputs=trace.outputs, gradients=gradients, parameters=trace.parameters)


class RaisesInTheMiddle(NumpyWorker):
    def train_step(self, x, y):
        class LocalError(Exception):
            """Cannot be unpickled anywhere else."""

        raise LocalError("an imaginary kernel was not found " + "." * 2 * REASON_LIMIT)


class RefusesTheSmallerBatch(NumpyWorker):
    def begin_epoch(self, order):
        super().begin_epoch(order[: len(order) // self.batch_size * self.batch_size])


def test_fewer_steps_are_not_a_certificate():
    for shorter in (honest(OF)[:-1], honest(OF)[1:], []):
        for pair in ((shorter, honest(OF)), (honest(OF), shorter)):
            with pytest.raises(ParityError, match="fewer steps"):
                compare(*pair)


def test_other_names_are_told():
    with pytest.raises(ParityError, match="gradient/conv1/kernel, gradient/conv1/weight"):
        compare(honest(OF), record(NamesItsKernelsWeights, OF))


def test_a_smaller_batch_that_is_refused_is_an_error():
    """One that is passed over in silence diverges instead: see `broken_training.DropsTheLastBatch`."""
    with pytest.raises(IndexError):
        compare(honest(OF), record(RefusesTheSmallerBatch, OF))


def test_what_a_worker_raises_crosses_the_boundary_as_text():
    """It would be unpickled where its framework is missing."""
    actor = object.__new__(WorkerActor)  # a class as any other: no cluster is needed
    actor._recording = SimpleNamespace(next=lambda: record(RaisesInTheMiddle, OF))
    answer = actor.next_record()
    assert set(answer) == {"failure"}
    assert answer["failure"].startswith("LocalError: an imaginary kernel was not found")
    assert len(answer["failure"]) <= REASON_LIMIT
    actor._recording = SimpleNamespace(next=lambda: None)
    assert actor.next_record() is None
