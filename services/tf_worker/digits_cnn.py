"""The digits CNN in Keras. Layer names are the workload's, so that its weights find their place."""

import keras

from levelfield.data import Dataset
from services.tf_worker.article import Article


def network() -> keras.Model:
    """Images (batch, 8, 8, 1) to logits (batch, 10)."""
    return _network(keras.layers.Dense(10, name="logits"))


def article(dataset: Dataset) -> Article:
    """Probabilities and their cross-entropy; the images come in [0, 1]."""
    return Article(
        network=_network(keras.layers.Dense(10, activation="softmax")),
        loss="sparse_categorical_crossentropy",
        train=(dataset.x_train, dataset.y_train),
        x_test=dataset.x_test,
        preprocessing="none: the pixels come in [0, 1]",
    )


def _network(last: keras.layers.Layer) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu", name="conv1"),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(64, activation="relu", name="dense1"),
            last,
        ]
    )
