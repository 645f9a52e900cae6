"""A second opinion on an interval, from resampling."""

from collections.abc import Callable
from typing import Any

import numpy as np

from levelfield.stats.describe import Values, as_array
from levelfield.stats.effect import Interval

MINIMUM_VALUES = 20  # below it the interval misses far more often than it says: 16% at 5 values, 10% at 10 (methodology, rule 7), 7% at 20
SEED = 20  # the same values give the same interval


def bootstrap_interval(values: Values, *, level: float = 0.95, resamples: int = 9999, statistic: Callable[..., Any] = np.mean) -> Interval:
    """The BCa bootstrap interval (Efron 1987, J. Am. Stat. Assoc. 82:171) of the mean of ``values``, shape (pairs,), in their unit.

    For a ratio the values are log ratios. Only a check on the t interval, which a verdict rests on: if the two differ much, look at the
    values. None and NaN are left out. ``statistic`` takes values and an axis. Raises ValueError for fewer than 20 values.
    """
    from scipy.stats import bootstrap  # a second to import

    given = as_array(values)
    present = given[~np.isnan(given)]
    if len(present) < MINIMUM_VALUES:
        raise ValueError(f"a bootstrap interval needs {MINIMUM_VALUES} values, got {len(present)}")
    if np.ptp(present) == 0:
        return Interval(float(statistic(present, axis=0)), float(statistic(present, axis=0)))
    found = bootstrap(
        (present,), statistic, confidence_level=level, n_resamples=resamples, method="BCa", rng=np.random.default_rng(SEED)
    ).confidence_interval
    return Interval(float(found.low), float(found.high))
