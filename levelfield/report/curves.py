"""Two learning curves of what should be the same computation: are they bit for bit alike, and if not, from where on?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Losses: TypeAlias = tuple[str, Sequence[float]]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """``old`` and ``new`` losses, one for each ``unit``, a step or an epoch, which count from 1.

    ``first`` is the first whose losses differ, ``largest`` the largest relative difference, |a - b| / max(|a|, |b|), and ``largest_at``
    where it is; None where no two losses differ, ``largest`` also where those that do are not finite.
    """

    unit: str
    old: int
    new: int
    first: int | None
    largest: float | None
    largest_at: int | None

    @property
    def is_identical(self) -> bool:
        """Whether both have the same losses, bit for bit, and as many."""
        return self.first is None and self.old == self.new


def compare_curves(old: Losses, new: Losses) -> Curve | None:
    """Compare losses, shape (steps,) or (epochs,), as far as both go; None where one has none or they are not of the same unit.

    NaN equals NaN: a run that diverges again at the same step is the same run.
    """
    if old[0] != new[0] or not old[1] or not new[1]:
        return None
    common = min(len(old[1]), len(new[1]))
    a, b = (np.asarray(losses[1][:common], dtype=np.float64) for losses in (old, new))
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.where(differs, np.abs(a - b) / np.maximum(np.abs(a), np.abs(b)), 0.0)
    finite = np.where(np.isfinite(relative), relative, 0.0)
    at = int(finite.argmax())
    return Curve(
        unit=old[0],
        old=len(old[1]),
        new=len(new[1]),
        first=int(differs.argmax()) + 1 if differs.any() else None,
        largest=float(finite[at]) if finite[at] else None,
        largest_at=at + 1 if finite[at] else None,
    )
