"""The CIFAR-10 CNN in Keras. Layer names are the workload's, so that its weights find their place."""

import keras

from levelfield.data import Dataset
from services.tf_worker.article import Article


def network() -> keras.Model:
    """Images (batch, 32, 32, 3) to logits (batch, 10)."""
    return _network(keras.layers.Dense(10, name="logits"))


def article(dataset: Dataset) -> Article:
    """Pixels divided by 255 in NumPy, classes one-hot, probabilities and their cross-entropy."""
    return Article(
        network=_network(keras.layers.Dense(10, activation="softmax")),
        loss="categorical_crossentropy",
        train=(dataset.x_train / 255.0, keras.utils.to_categorical(dataset.y_train, 10)),
        x_test=dataset.x_test / 255.0,
        preprocessing="divided by 255 in NumPy (float64): pixels in [0, 1]",
    )


def _network(last: keras.layers.Layer) -> keras.Model:
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv1"),
            keras.layers.MaxPooling2D(2, name="pool1"),
            keras.layers.Conv2D(64, 3, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(2, name="pool2"),
            keras.layers.Conv2D(64, 3, activation="relu", name="conv3"),
            keras.layers.Flatten(name="flatten"),
            keras.layers.Dense(64, activation="relu", name="dense1"),
            keras.layers.Dropout(0.5, name="dropout1"),
            last,
        ]
    )
