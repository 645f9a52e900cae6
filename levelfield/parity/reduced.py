"""Recordings in a reduced precision: one step, and how far it is from the same framework's own step in fp64 (methodology, rule 5)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record, Recorder
from levelfield.parity.tensors import Tensors, tensors
from levelfield.worker import Trace, Worker

EXACT = ("fp32", "fp64")
STEPS = 1


def is_reduced(precision: str) -> bool:
    """Whether tensors are compared by their errors against fp64."""
    return precision not in EXACT


class ReducedRecorder(Recorder):
    """Records errors in the place of tensors: rounding to 8 bits makes any two tensors differ, but equal functions err alike."""

    def records(self) -> Iterator[Record]:
        """The first step of every part."""
        for part in self._experiment.parts:
            found = self._step(part, self._experiment.spec.precision)
            exact = self._step(part, "fp64")
            yield Record(part=part, step=0, tensors=relative_errors(exact, found), own={})

    def _step(self, part: Part, precision: str) -> Tensors:
        workload = self._experiment.without_dropout() if part is Part.TIMED else self._experiment.workload
        weights = self._experiment.weights()
        if precision == "fp64":  # the very same numbers, held wider
            weights = {name: array.astype(np.float64) for name, array in weights.items()}
        worker = self._worker(workload, weights, precision=precision)
        index = self._experiment.batches()[0]
        if part is Part.TIMED:
            return tensors(timed_step(worker, index))
        return tensors(worker.trace(index, self._experiment.masks(0, len(index)) if part is Part.ON else None))


def timed_step(worker: Worker, index: NDArray[np.int64]) -> Trace:
    """An epoch of one batch, by the step that runs are timed by."""
    worker.begin_epoch(index)
    worker.train_steps(1)
    worker.synchronize()
    return Trace(loss=float(worker.losses().sum()), outputs={}, gradients={}, parameters=worker.weights())


def relative_errors(exact: Tensors, found: Tensors) -> Mapping[str, NDArray[np.floating[Any]]]:
    """|found - exact| / |exact| of each tensor, in Euclidean norms, as arrays of no dimension.

    The loss is left out: a single number may happen to be exact.
    """
    return {name: np.array(_relative_error(array, found[name])) for name, array in exact.items() if name != "loss/loss"}


def _relative_error(exact: NDArray[np.floating[Any]], found: NDArray[np.floating[Any]]) -> float:
    norm = float(np.linalg.norm(exact.astype(np.float64)))
    error = float(np.linalg.norm(found.astype(np.float64) - exact.astype(np.float64)))
    return error / norm if norm else error
