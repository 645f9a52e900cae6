"""Predictions of two made-up networks whose counts are given."""

import numpy as np

from levelfield.predictions import Predictions

CLASSES = 3


def pair(both, a_only, b_only, same_error=0, other_error=0):
    """Two networks: so many examples that both had right, one alone, both took for the same wrong class, or for different ones."""
    counts = (both, a_only, b_only, same_error, other_error)
    labels = np.arange(sum(counts)) % CLASSES
    return tuple(
        Predictions.pack((labels + np.repeat(shift, counts)) % CLASSES, labels, CLASSES) for shift in ((0, 0, 1, 1, 1), (0, 1, 0, 1, 2))
    )
