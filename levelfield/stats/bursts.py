"""What the bursts of one pair of processes say."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from levelfield.stats.effect import Effect, ratio


def within_pair(a: Mapping[int, float], b: Mapping[int, float]) -> float | None:
    """The median over rounds of log(a/b), where ``a`` and ``b`` hold each side's speed by round; None without a common round.

    The two bursts of a round follow each other, so what the machine did meanwhile cancels. Source: methodology, rules 2 and 7.
    Raises ValueError for a speed that is not positive.
    """
    logs = [_log(a[number]) - _log(b[number]) for number in sorted(a.keys() & b.keys())]
    return float(np.median(logs)) if logs else None


def speed_ratio(logs: Sequence[float | None]) -> Effect:
    """The geometric mean of a/b over process pairs from `within_pair` of each, shape (pairs,), with its t interval over pairs (rule 7)."""
    return ratio([None if log is None else math.exp(log) for log in logs], [1.0] * len(logs))


def _log(speed: float) -> float:
    if not speed > 0:
        raise ValueError(f"a speed is positive, got {speed}")
    return math.log(speed)
