"""Recordings in a reduced precision: one step, and how far it is from the same framework's own step in fp64 (methodology, rule 5)."""

from collections.abc import Iterator

import numpy as np

from levelfield.parity.experiment import Part
from levelfield.parity.recording import Record, Recorder
from levelfield.parity.tensors import Array, Tensors

EXACT = ("fp32", "fp64")
STEPS = 1
ENOUGH = 64  # elements; the error of few numbers is luck


def is_reduced(precision: str) -> bool:
    """Whether tensors are compared by their errors against fp64."""
    return precision not in EXACT


class ReducedRecorder(Recorder):
    """Records errors in the place of tensors: rounding to 8 bits makes any two tensors differ, but equal functions err alike.

    Different functions may err alike, too: so the steps in fp64 are recorded themselves, as exact ones.
    """

    def records(self) -> Iterator[Record]:
        """The first step of every part, in fp64 and then by its errors."""
        for part in self._experiment.parts:
            if part is Part.DRAWN:
                yield from self._drawn()
                continue
            (exact,) = self._steps(part, "fp64", STEPS)
            yield Record(part=part, step=0, tensors=exact, own={}, exact=True)
            (found,) = self._steps(part, self._experiment.spec.precision, STEPS)
            yield Record(part=part, step=0, tensors=relative_errors(exact, found), own={})


def relative_errors(exact: Tensors, found: Tensors) -> Tensors:
    """|found - exact| / |exact| of each tensor with enough elements, in Euclidean norms, as arrays of no dimension."""
    return {name: np.array(_relative_error(array, found[name])) for name, array in exact.items() if array.size >= ENOUGH}


def _relative_error(exact: Array, found: Array) -> float:
    norm = float(np.linalg.norm(exact.astype(np.float64)))
    error = float(np.linalg.norm(found.astype(np.float64) - exact.astype(np.float64)))
    return error / norm if norm else error
