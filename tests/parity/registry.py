"""The one list of broken workers, each with what its certificate must name."""

from collections.abc import Callable
from dataclasses import dataclass

from levelfield.parity.experiment import Part
from levelfield.workloads.base import Workload
from tests.parity.small import IMAGES


@dataclass(frozen=True, kw_only=True)
class Broken:
    """``at``: the kind of the first tensor that differs, with the layer where the fault is in one; ``step`` counts from 0.

    ``within_rounding``: so small a fault that fp32 cannot tell it from rounding.
    """

    worker: type
    at: str
    part: Part
    step: int
    workload: Workload
    within_rounding: bool


BROKEN: list[Broken] = []


def diverges(
    at: str, *, part: Part = Part.OFF, step: int = 0, workload: Workload = IMAGES, within_rounding: bool = False
) -> Callable[[type], type]:
    """Register the class as one whose certificate must name that."""

    def register(worker: type) -> type:
        BROKEN.append(Broken(worker=worker, at=at, part=part, step=step, workload=workload, within_rounding=within_rounding))
        return worker

    return register
