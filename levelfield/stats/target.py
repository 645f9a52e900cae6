"""Time until a run reaches its target, which some runs never do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from levelfield.stats.equivalence import ALPHA
from levelfield.stats.verdict import MINIMUM_PAIRS, SETTLED_PAIRS

EXACT_PAIRS = 100
Times: TypeAlias = Sequence[float | None]


@dataclass(frozen=True, kw_only=True)
class TimeToTarget:
    """How many of the runs reached the target, and the median time of all runs, in their unit; None where it is a miss."""

    runs: int
    reached: int
    fraction: float | None = None
    median: float | None = None


@dataclass(frozen=True, kw_only=True)
class TimeComparison:
    """Two sides' times to target, seed by seed. ``ratio`` is A's median over B's: None where either is a miss.

    ``p`` is that of the exact test; ``favours`` names the side that reaches the target earlier, where p is below 5%.
    """

    a: TimeToTarget
    b: TimeToTarget
    preliminary: bool
    ratio: float | None = None
    p: float | None = None
    favours: Literal["a", "b"] | None = None


def time_to_target(times: Times) -> TimeToTarget:
    """The fraction of the runs that reached the target, and the median over all runs, shape (runs,); a miss (None) ranks last.

    The budget is fixed in advance and equal (methodology, rule 7), so a miss is longer than every time. A run that failed has missed its
    target too; one that was not recorded must not be given. Raises ValueError where a time is not positive and finite.
    """
    given = _with_misses(times)
    if not len(given):
        return TimeToTarget(runs=0, reached=0)
    reached, median = int(np.isfinite(given).sum()), float(np.median(given))
    return TimeToTarget(runs=len(given), reached=reached, fraction=reached / len(given), median=median if math.isfinite(median) else None)


def compare_times(a: Times, b: Times) -> TimeComparison:
    """Which side reaches the target earlier: times of A and B with the same seeds, shape (seeds,) each, None for a miss.

    All runs of both sides are ranked together, equal times and all misses with their middle rank, and the pairs' differences of ranks are
    summed. Where the sides do not differ, the members of a pair could change places, so that the signs of the differences are those of
    fair coins: p is the share of all 2^n signs whose sum lies as far from zero, exact up to 100 pairs and normal beyond (Fisher 1935, The
    Design of Experiments, section 21; ranks in place of values: Conover and Iman 1981, Am. Stat. 35:124; for censored pairs: O'Brien and
    Fleming 1987, Biometrics 43:169, to which this comes down where all are censored at the same budget). It is valid with any ties and
    misses and for every n. The signed ranks of Wilcoxon are not used because a miss has no difference from a time; the sign test would be
    valid as well but is weaker. Five pairs cannot reach 5%: the smallest p is 2 / 2^n. Raises ValueError where the lengths differ or a time
    is not positive and finite.
    """
    left, right = _with_misses(a), _with_misses(b)
    if len(left) != len(right):
        raise ValueError(f"pairs need two values each, got {len(left)} and {len(right)}")
    first, second = time_to_target(a), time_to_target(b)
    steps = np.subtract(*np.split(_doubled_ranks(np.concatenate([left, right])), 2))
    p = _as_far(steps) if len(left) else None
    clear = p is not None and p < ALPHA and len(left) >= MINIMUM_PAIRS
    return TimeComparison(
        a=first,
        b=second,
        preliminary=len(left) < SETTLED_PAIRS,
        ratio=first.median / second.median if first.median and second.median else None,
        p=p,
        favours=("a" if steps.sum() < 0 else "b") if clear else None,
    )


def _with_misses(times: Times) -> NDArray[np.float64]:
    """The times with infinity for a miss."""
    for time in times:
        if time is not None and not 0 < time < math.inf:
            raise ValueError(f"a time is positive and finite, got {time}; a miss is None")
    return np.array([math.inf if time is None else time for time in times], dtype=np.float64)


def _doubled_ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Twice the rank of each value, which is an integer for the middle rank of equal values as well."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    upto = np.cumsum(counts)
    return np.asarray((2 * upto - counts + 1)[place], dtype=np.int64)


def _as_far(steps: NDArray[np.int64]) -> float:
    """The probability that the sum of ``steps`` lies as far from zero when each sign is that of a fair coin.

    Exact up to `EXACT_PAIRS`, whose cost grows with the cube of their number. Beyond, normal with the same variance, the sum of the squares
    of the steps, and a correction for continuity: the sum moves by two, or by more where all steps are even.
    """
    if len(steps) > EXACT_PAIRS:
        half_a_move = int(np.gcd.reduce(steps))
        far = max(0, abs(int(steps.sum())) - half_a_move)
        return min(1.0, math.erfc(far / math.sqrt(2 * float(np.square(steps, dtype=np.float64).sum())))) if far else 1.0
    return _share_as_far(steps)


def _share_as_far(steps: NDArray[np.int64]) -> float:
    """The same by going through all sums."""
    reach = int(np.abs(steps).sum())
    chances = np.zeros(2 * reach + 1)  # of the sums from -reach to reach
    chances[reach] = 1.0
    for step in np.abs(steps):
        chances = (np.roll(chances, step) + np.roll(chances, -step)) / 2
    far = np.abs(np.arange(-reach, reach + 1)) >= abs(int(steps.sum()))
    return min(1.0, float(chances[far].sum()))
