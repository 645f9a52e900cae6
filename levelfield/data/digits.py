"""scikit-learn's handwritten digits: 1,797 images of 8 by 8 pixels (the UCI test set, Alpaydin and Kaynak 1998)."""

import numpy as np

from levelfield.data.base import Dataset, from_arrays, platform_packages

TITLE = "handwritten digits"
OFFICIAL = None
ORIGIN = "comes with a library"
TEST_EXAMPLES = 360
SPLIT_SEED = 0
CLASS_NAMES = tuple(map(str, range(10)))


def prepare() -> Dataset:
    """Pixels scaled to [0, 1]; one fixed, shuffled split for all seeds: 1,437 training and 360 test images."""
    with platform_packages("digits", "scikit-learn"):
        from sklearn.datasets import load_digits
    images, labels = load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(SPLIT_SEED)).permutation(len(images))
    x = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)[order]
    y = labels.astype(np.int64)[order]
    split = len(x) - TEST_EXAMPLES
    return from_arrays("digits", {"x_train": x[:split], "y_train": y[:split], "x_test": x[split:], "y_test": y[split:]})
