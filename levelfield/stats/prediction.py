"""Where a further value may be expected, after those that were seen: what a repeated run is held against."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from levelfield.stats.describe import Values, as_array, sample_sd
from levelfield.stats.effect import Interval, Scale, half_width, to_reader

LEVEL = 0.95


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """From ``n`` values, the interval for the mean of ``further`` more, in the unit of the values; None where n is below 2."""

    n: int
    further: int
    interval: Interval | None

    def holds(self, value: float) -> bool | None:
        """Whether a value, or the `centre` of several, lies in the interval; None where there is none."""
        return None if self.interval is None else self.interval.low <= value <= self.interval.high


def predict(values: Values, *, scale: Scale, further: int = 1, level: float = LEVEL) -> Prediction:
    """The t prediction interval for the mean of ``further`` independent values from where ``values``, shape (runs,), came from.

    mean +- t((1 + level) / 2, n - 1) s sqrt(1 / further + 1 / n), on logarithms for the scale ``ratio``, where it speaks of the geometric
    mean. Source: Hahn and Meeker 1991, Statistical Intervals, chapter 4; the same in Montgomery and Runger 2003, equation 8-29. It is much
    wider than the confidence interval of the mean, because a further value has the spread of one value and the mean of those that were
    seen has an error, too. None and NaN are missing. Values without any spread leave no room: the interval is that value.

    Raises ValueError where a value is infinite, or not positive on the scale ``ratio``, or ``further`` is below 1.
    """
    if further < 1:
        raise ValueError(f"an interval for {further} further values says nothing")
    given = as_array(values)
    present = given[~np.isnan(given)]
    seen = _on(scale, present)
    sd = sample_sd(seen)
    if sd is None:
        return Prediction(n=len(seen), further=further, interval=None)
    if sd == 0:  # not by way of the logarithm, which would miss the value by a rounding
        return Prediction(n=len(seen), further=further, interval=Interval(float(present[0]), float(present[0])))
    mean, half = float(seen.mean()), half_width(len(seen), sd, level) * math.sqrt(1 + len(seen) / further)
    return Prediction(n=len(seen), further=further, interval=Interval(to_reader(mean - half, scale), to_reader(mean + half, scale)))


def centre(values: Values, *, scale: Scale) -> float:
    """The mean, geometric on the scale ``ratio``, of ``values``, shape (runs,): what `predict` gives an interval for.

    Exactly the value where all are equal. Raises ValueError where there is none, or one is missing, infinite or, for a ratio, not positive.
    """
    given = as_array(values)
    if not len(given) or np.isnan(given).any():
        raise ValueError("a mean needs values, and all of them")
    seen = _on(scale, given)
    return to_reader(float(seen.mean()), scale) if np.ptp(given) > 0 else float(given[0])


def _on(scale: Scale, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values on the scale on which they are averaged."""
    if scale == "difference":
        return values
    if (values <= 0).any():
        raise ValueError(f"a ratio needs positive values, got {values[values <= 0][0]}")
    logs: NDArray[np.float64] = np.log(values)
    return logs
