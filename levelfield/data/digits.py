"""scikit-learn's handwritten digits: 1,797 images of 8 by 8 pixels (the UCI test set, Alpaydin and Kaynak 1998)."""

import os

import numpy as np

from levelfield.data.base import DataError, Dataset, from_arrays

TEST_EXAMPLES = 360
SPLIT_SEED = 0


def prepare() -> Dataset:
    """Pixels scaled to [0, 1]; one fixed, shuffled split for all seeds: 1,437 training and 360 test images."""
    before = dict(os.environ)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError("the data set digits comes with scikit-learn, which this environment lacks; run `levelfield data fetch digits` "
                        "in the platform's own environment, workers then find it in the cache") from error  # fmt: skip
    finally:
        # Importing scikit-learn sets variables that change the speed of OpenMP; processes started later must not inherit them.
        os.environ.clear()
        os.environ.update(before)
    images, labels = load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(SPLIT_SEED)).permutation(len(images))
    x = (images.reshape(-1, 8, 8, 1) / 16.0).astype(np.float32)[order]
    y = labels.astype(np.int64)[order]
    split = len(x) - TEST_EXAMPLES
    return from_arrays("digits", {"x_train": x[:split], "y_train": y[:split], "x_test": x[split:], "y_test": y[split:]})
