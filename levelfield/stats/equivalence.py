"""Are two sides equal for practical purposes?"""

import math
from dataclasses import dataclass

from scipy.special import stdtr

from levelfield.stats.effect import Effect

ALPHA = 0.05


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """The result of two one-sided tests. ``p`` is the larger p value; None where fewer than two pairs leave nothing to test."""

    margin: float
    p: float | None
    holds: bool


def log_margin(effect: Effect, margin: float) -> float:
    """The margin on the scale of ``effect.mean``: log(1 + margin) for a ratio, the margin itself for a difference.

    Raises ValueError where the margin is not positive.
    """
    if not margin > 0:
        raise ValueError(f"a margin is positive, got {margin}")
    return math.log1p(margin) if effect.scale == "ratio" else margin


def equivalence(effect: Effect, *, margin: float) -> Equivalence:
    """Two one-sided t tests at 5% each (Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657).

    For a ratio the bounds are symmetric on the log scale: 1 / (1 + margin) and 1 + margin; for margin 0.03 that is -2.91% and +3%, so that
    it does not matter which side is called A. For a difference they are -margin and +margin, in the unit of the values. Equivalence holds
    exactly where the 90% interval lies strictly between the bounds. Raises ValueError where the margin is not positive.
    """
    bound = log_margin(effect, margin)
    if effect.mean is None or effect.sd is None:
        return Equivalence(margin=margin, p=None, holds=False)
    # The larger of the two p values belongs to the bound that is nearer to the mean.
    distance = bound - abs(effect.mean)
    error = effect.sd / math.sqrt(effect.n)
    p = float(stdtr(effect.n - 1, -distance / error)) if error else float(distance <= 0)
    return Equivalence(margin=margin, p=p, holds=p < ALPHA)
