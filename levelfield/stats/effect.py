"""How far two sides lie apart: the mean within-pair effect with its t interval."""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr, stdtrit  # scipy.stats has the same functions, but takes a second to import

from levelfield.stats.describe import Values, as_array, sample_sd

Scale: TypeAlias = Literal["ratio", "difference"]


@dataclass(frozen=True)
class Interval:
    """A confidence interval for one effect, not adjusted for the number of effects looked at."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The effect of side A against side B over ``n`` complete pairs; ``excluded`` pairs lacked a member.

    ``mean`` and ``sd`` are on the scale on which the pairs are averaged: log(A/B) for a ratio, A - B for a difference. ``estimate``,
    ``interval`` (95%) and ``interval90`` (for equivalence) are the reader's: A/B or A - B. What n does not allow is None.
    """

    scale: Scale
    n: int
    excluded: int
    mean: float | None = None
    sd: float | None = None
    estimate: float | None = None
    interval: Interval | None = None
    interval90: Interval | None = None

    def inverse(self) -> "Effect":
        """The same effect seen from B: B/A or B - A."""
        return self if self.mean is None else _from_moments(self.scale, n=self.n, excluded=self.excluded, mean=-self.mean, sd=self.sd)


def ratio(a: Values, b: Values) -> Effect:
    """The geometric mean of a/b over process pairs, shape (pairs,) each: t interval of the mean log ratio, exponentiated.

    A pair with None or NaN in either member is left out and counted. Source: methodology, rule 7. Raises ValueError where a value is not
    positive or infinite, or the shapes differ.
    """
    left, right = _both(a, b)
    for values in (left, right):
        if (values <= 0).any():
            raise ValueError(f"a ratio needs positive values, got {values[values <= 0][0]}")
    return _effect(np.log(left / right), "ratio")


def difference(a: Values, b: Values) -> Effect:
    """The mean of a - b over seeds, shape (seeds,) each, with the interval of the paired t test (Student 1908), in the unit of the values.

    A pair with None or NaN in either member is left out and counted. Raises ValueError where a value is infinite or the shapes differ.
    """
    left, right = _both(a, b)
    return _effect(left - right, "difference")


def p_value(effect: Effect) -> float | None:
    """The two-sided p value of the t test of no effect (Student 1908); None where fewer than two pairs leave nothing to test.

    Below 0.05 exactly where the 95% interval excludes no effect. Pairs without any spread decide by their mean alone: 0, or 1 at no effect.
    """
    if effect.mean is None or effect.sd is None:
        return None
    error = effect.sd / math.sqrt(effect.n)
    return float(2 * stdtr(effect.n - 1, -abs(effect.mean) / error)) if error else float(effect.mean == 0)


def half_width(n: int, sd: float, level: float) -> float:
    """Half the t interval of a mean of ``n`` values: t((1 + level) / 2, n - 1) sd / sqrt(n), in the unit of ``sd``."""
    return float(stdtrit(n - 1, (1 + level) / 2)) * sd / math.sqrt(n)


def _both(a: Values, b: Values) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    left, right = as_array(a), as_array(b)
    if left.shape != right.shape:
        raise ValueError(f"pairs need two values each, got {len(left)} and {len(right)}")
    return left, right


def _effect(effects: NDArray[np.float64], scale: Scale) -> Effect:
    present = effects[~np.isnan(effects)]
    n, excluded = len(present), int(np.isnan(effects).sum())
    if n == 0:
        return Effect(scale=scale, n=0, excluded=excluded)
    return _from_moments(scale, n=n, excluded=excluded, mean=float(present.mean()), sd=sample_sd(present))


def _from_moments(scale: Scale, *, n: int, excluded: int, mean: float, sd: float | None) -> Effect:
    def interval(level: float) -> Interval | None:
        if sd is None:
            return None
        half = half_width(n, sd, level)
        return Interval(to_reader(mean - half, scale), to_reader(mean + half, scale))

    return Effect(
        scale=scale,
        n=n,
        excluded=excluded,
        mean=mean,
        sd=sd,
        estimate=to_reader(mean, scale),
        interval=interval(0.95),
        interval90=interval(0.90),
    )


def to_reader(value: float, scale: Scale) -> float:
    """Two wildly different pairs have an interval that no float holds as a ratio: it ends at e^700."""
    return math.exp(max(-700.0, min(700.0, value))) if scale == "ratio" else value
