"""The digits CNN in Keras. Layer names are the workload's, so that its weights find their place."""

import keras


def network() -> keras.Model:
    """Images (batch, 8, 8, 1) to logits (batch, 10)."""
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.layers.Conv2D(16, 3, activation="relu", name="conv1"),
            keras.layers.Conv2D(32, 3, activation="relu", name="conv2"),
            keras.layers.MaxPooling2D(2),
            keras.layers.Flatten(),
            keras.layers.Dense(64, activation="relu", name="dense1"),
            keras.layers.Dense(10, name="logits"),
        ]
    )
