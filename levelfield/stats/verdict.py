"""What may be said about an effect: methodology, rule 7."""

import bisect
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from levelfield.stats.effect import Effect, half_width
from levelfield.stats.equivalence import ALPHA, equivalence, log_margin

MINIMUM_PAIRS = 5  # fewer give no verdict
SETTLED_PAIRS = 10  # a verdict on fewer is preliminary
MORE_LIMIT = 1000  # beyond it the number that is missing is only called "more than 1000"


class Outcome(StrEnum):
    """What was found. ``faster`` is said of a ratio of speeds, ``higher`` of a difference of accuracies."""

    FASTER = "faster"
    HIGHER = "higher"
    EQUIVALENT = "equivalent"
    NOT_ENOUGH_RUNS = "not enough runs"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """``favours`` names the side that the 95% interval puts ahead, ``equivalent`` says that the two lie within the margin: both may hold.

    ``more`` is the number of further pairs that would decide, where neither holds; ``more_than`` says that it was cut off at the limit.
    """

    n: int
    margin: float
    preliminary: bool
    outcome: Outcome = Outcome.NOT_ENOUGH_RUNS
    favours: Literal["a", "b"] | None = None
    equivalent: bool = False
    more: int | None = None
    more_than: bool = False

    @property
    def decided(self) -> bool:
        """Whether anything was found."""
        return self.outcome is not Outcome.NOT_ENOUGH_RUNS


def verdict(effect: Effect, *, margin: float, adjusted_p: float | None = None, adjusted_equivalence_p: float | None = None) -> Verdict:
    """The verdict on a ratio of speeds or a difference of accuracies, of which more is better.

    ``margin`` is relative for a ratio (0.03: within 3%) and in the values' unit for a difference (0.005: half a point of accuracy). Where a
    side is ahead and the two are also equivalent, the outcome is ``equivalent`` and ``favours`` is set as well. One claim among several
    comes with p values adjusted for their number: then a side is ahead, or the two are equivalent, only where that p value is below 5% as
    well; None leaves the test unadjusted. ``verdicts`` judges a whole family. Raises ValueError where the margin is not positive.
    """
    differs = adjusted_p is None or adjusted_p < ALPHA
    within = adjusted_equivalence_p is None or adjusted_equivalence_p < ALPHA
    return conclude(effect, margin=margin, differs=differs, within=within)


def conclude(effect: Effect, *, margin: float, differs: bool, within: bool, level: float = ALPHA) -> Verdict:
    """The verdict of tests that may be stricter than 5%: their results count only where the plain ones agree.

    ``differs`` and ``within`` say whether the test of no effect and the one of equivalence rejected. ``level`` is the level of the former
    for which ``more`` is computed. Raises ValueError where the margin is not positive.
    """
    within = equivalence(effect, margin=margin).holds and within
    ahead = _ahead(effect) if differs else None
    none = Verdict(n=effect.n, margin=margin, preliminary=effect.n < SETTLED_PAIRS)
    if effect.n < MINIMUM_PAIRS or not (within or ahead):
        more, more_than = _more(effect, margin, level)
        return replace(none, more=more, more_than=more_than)
    better = Outcome.FASTER if effect.scale == "ratio" else Outcome.HIGHER
    return replace(none, outcome=Outcome.EQUIVALENT if within else better, favours=ahead, equivalent=within)


def pairs_needed(sd: float, margin: float) -> int | None:
    """The smallest n of at least 5 with t(0.975, n - 1) sd / sqrt(n) <= margin / 2; None where it is above 5 + 1000.

    ``sd`` and ``margin`` are on the scale on which the pairs are averaged. With so many pairs of that spread every effect is decided,
    whatever its size: write h for the 95% half-width and k < h for the 90% one. If the mean m is beyond h from zero, the 95% interval
    excludes zero. If not, the far end of the 90% interval is at |m| + k <= h + k < 2 h <= margin, so it lies within the margin. (The last
    line shows that h + k <= margin would do, with about 15% fewer pairs; the rest is reserve for a spread that was itself estimated.)
    The effect that was observed plays no part, so that a look at it does not steer how long one measures.
    """
    return _smallest(sd, margin, range(MINIMUM_PAIRS, MINIMUM_PAIRS + MORE_LIMIT + 1), ALPHA)


def _ahead(effect: Effect) -> Literal["a", "b"] | None:
    """The side that the 95% interval puts ahead, if it excludes no effect."""
    if effect.interval is None:
        return None
    none = 1.0 if effect.scale == "ratio" else 0.0
    if effect.interval.low > none:
        return "a"
    return "b" if effect.interval.high < none else None


def _more(effect: Effect, margin: float, level: float) -> tuple[int, bool]:
    """How many pairs are missing, and whether there are more than that. A single pair has no spread: then up to the least number."""
    least = max(MINIMUM_PAIRS, effect.n + 1)
    if effect.sd is None:
        return least - effect.n, False
    total = _smallest(effect.sd, log_margin(effect, margin), range(least, effect.n + MORE_LIMIT + 1), level)
    return (MORE_LIMIT, True) if total is None else (total - effect.n, False)


def _smallest(sd: float, margin: float, among: range, level: float) -> int | None:
    """The smallest n whose half-width is at most half the margin, for the interval that belongs to a test at ``level``; it falls with n."""
    at = bisect.bisect_left(among, True, key=lambda n: half_width(n, sd, 1 - level) <= margin / 2)
    return among[at] if at < len(among) else None
