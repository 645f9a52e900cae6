"""Summaries of one group of values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = Sequence[float | None] | NDArray[np.floating[Any]]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """``n`` values and their spread, in the unit of the values. ``missing`` were not there; a figure that n does not allow is None."""

    n: int
    missing: int
    mean: float | None = None
    sd: float | None = None
    median: float | None = None
    min: float | None = None
    max: float | None = None


def describe(values: Values) -> Summary:
    """Mean, sample standard deviation (divisor n - 1), median and range of ``values``, shape (runs,); None and NaN are missing.

    Raises ValueError where a value is infinite.
    """
    given = as_array(values)
    present = given[~np.isnan(given)]
    missing = len(given) - len(present)
    if not len(present):
        return Summary(n=0, missing=missing)
    return Summary(
        n=len(present),
        missing=missing,
        mean=float(present.mean()),
        sd=sample_sd(present),
        median=float(np.median(present)),
        min=float(present.min()),
        max=float(present.max()),
    )


def as_array(values: Values) -> NDArray[np.float64]:
    """The values as float64, shape (values,), None as NaN. Raises ValueError where one is infinite or the shape is another."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"expected one dimension, got shape {array.shape}")
    if np.isinf(array).any():
        raise ValueError("a value is infinite")
    return array


def sample_sd(values: NDArray[np.float64]) -> float | None:
    """The standard deviation with divisor n - 1; None for fewer than two values. Exactly 0 where all values are equal."""
    if len(values) < 2:
        return None
    # The mean of equal values may miss them by a rounding, which would make a spread out of nothing.
    return float(values.std(ddof=1)) if np.ptp(values) > 0 else 0.0
