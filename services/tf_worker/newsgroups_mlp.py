"""The 20 newsgroups MLP in Keras. Layer names are the workload's, so that its weights find their place."""

import keras

from levelfield.data import Dataset
from services.tf_worker.article import Article


def network() -> keras.Model:
    """Word counts (batch, 10000) to logits (batch, 2)."""
    return _network(keras.layers.Dense(2, name="logits"))


def article(dataset: Dataset) -> Article:
    """Probabilities and their cross-entropy; the words come as counts."""
    return Article(
        network=_network(keras.layers.Dense(2, activation="softmax")),
        loss="sparse_categorical_crossentropy",
        train=(dataset.x_train, dataset.y_train),
        x_test=dataset.x_test,
        preprocessing="none: the words come as counts",
    )


def _network(last: keras.layers.Layer) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((10_000,)),
            keras.layers.Dense(128, activation="relu", name="dense1"),
            keras.layers.Dropout(0.2, name="dropout1"),
            keras.layers.Dense(128, activation="relu", name="dense2"),
            last,
        ]
    )
