"""How far two workers may be apart (methodology, rule 5)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import numpy as np

from levelfield.parity.experiment import Part
from levelfield.parity.tensors import KINDS

FP64 = 1e-12
REDUCED = 2.0  # the ratio of two errors
OWN_FACTOR = 10.0
SHARP = 1e-2  # a wider tolerance tells little
ULP = float(np.finfo(np.float32).eps)
Own = Mapping[tuple[Part, int], Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """The largest relative difference, max|a - b| / max|a|, allowed for a kind of tensor at the last step, and where it comes from."""

    value: float
    reason: str


class Limits:
    """What is allowed at each step.

    ``own`` is how far the frameworks went from themselves at each step, by kind of tensor, when their initial weights had moved by one unit
    in the last place. In fp32 rounding is amplified where a ReLU or a maximum flips, so a step is judged by the divergence up to it: the
    first steps, where a different function shows at once, stay as tight as rounding allows. At the very first nothing has been amplified:
    who goes further than `SHARP` from itself there does not compute one function. Only gradients may where steps in fp64 beside them say
    that it is one (``shown_exactly``): a ReLU that flips moves them at once, and by the more the fewer values share a mean.
    """

    def __init__(self, precision: str, own: Own, *, shown_exactly: bool = False) -> None:
        self._fixed = {"fp64": FP64, "fp32": None}.get(precision, REDUCED)
        self._own, self._free = own, {"gradient"} if shown_exactly else set[str]()

    def at(self, part: Part, step: int, kind: str, *, exact: bool = False) -> float:
        """The limit for a kind of tensor at a step of a part; ``exact`` where it was recorded in fp64 beside a reduced precision."""
        if exact:
            return FP64
        if self._fixed is not None:
            return self._fixed
        # The timed step has no draws of its own: it does the same as the one that is laid open.
        drawn = Part.OFF if part is Part.TIMED else part
        limit = OWN_FACTOR * max([ULP, *(self._own.get((drawn, at), {}).get(kind, 0.0) for at in range(step + 1))])
        return limit if step or kind in self._free else min(limit, SHARP)

    def sharp_steps(self, parts: Sequence[Part], steps: int) -> int:
        """For how many steps from the first the limits stay below `SHARP`.

        Gradients are left out: one ReLU that flips moves a gradient by a thousandth, and nothing need come of it.
        """
        if self._fixed is not None:
            return steps
        widest = (max(self.at(part, step, kind) for part in parts for kind in ("output", "parameter")) for step in range(steps))
        return sum(1 for _ in takewhile(lambda limit: limit <= SHARP, widest))

    def tolerances(self, parts: Iterable[Part], steps: int) -> dict[str, Tolerance]:
        """The widest limit of each kind, with its reason."""
        found = {kind: max(self.at(part, steps - 1, kind) for part in parts) for kind in KINDS}
        return {kind: Tolerance(value=value, reason=self._reason(value)) for kind, value in found.items()}

    def _reason(self, value: float) -> str:
        if self._fixed is not None:
            reduced = f"larger over smaller of the two frameworks' errors against their own fp64 steps, which agree within {FP64:.0e}"
            return "float64" if self._fixed == FP64 else reduced
        return f"{OWN_FACTOR:g} times the frameworks' own divergence after one-ulp moves of the initial weights, {value / OWN_FACTOR:.1e}"
