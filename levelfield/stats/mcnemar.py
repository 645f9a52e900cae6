"""Two given networks on the same test examples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr  # scipy.stats.binomtest does the same, but takes a second to import

Correct: TypeAlias = Sequence[bool] | NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class McNemar:
    """How many examples both networks had right, only one of them, or neither, and the two-sided p value."""

    both: int
    a_only: int
    b_only: int
    neither: int
    p: float

    @property
    def examples(self) -> int:
        """The number of test examples."""
        return self.both + self.a_only + self.b_only + self.neither


def mcnemar(a_correct: Correct, b_correct: Correct) -> McNemar:
    """The exact test of McNemar (1947, Psychometrika 12:153) on whether each network had an example right, shape (examples,) booleans.

    Of the examples that one of the two had right, either has as many as a fair coin would give it: two-sided binomial test (Fagerland,
    Lydersen and Laake 2013, BMC Med. Res. Methodol. 13:91, "exact conditional"). It speaks of these two trained networks only and says
    nothing about the frameworks: two networks of the same framework with different seeds differ just as well. Raises ValueError where the
    values are not booleans, the shapes differ or there are no examples.
    """
    a, b = _checked(a_correct), _checked(b_correct)
    if len(a) != len(b):
        raise ValueError(f"two networks need the same examples, got {len(a)} and {len(b)}")
    a_only, b_only = int(np.count_nonzero(a & ~b)), int(np.count_nonzero(b & ~a))
    return McNemar(
        both=int(np.count_nonzero(a & b)),
        a_only=a_only,
        b_only=b_only,
        neither=int(np.count_nonzero(~(a | b))),
        p=min(1.0, float(2 * bdtr(min(a_only, b_only), a_only + b_only, 0.5))),
    )


def _checked(values: Correct) -> NDArray[np.bool_]:
    array: NDArray[Any] = np.asarray(values)
    if array.dtype != np.bool_ or array.ndim != 1 or not len(array):
        raise ValueError(f"expected a boolean for each example, got {array.dtype} of shape {array.shape}")
    return array
