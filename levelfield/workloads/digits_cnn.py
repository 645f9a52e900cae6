"""A small convolutional network on scikit-learn's handwritten digits: real images that need no download, trained in seconds."""

from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import Conv2D, Dense, Flatten, MaxPool2D

WORKLOAD = Workload(
    name="digits_cnn",
    title="Handwritten digits, small CNN",
    dataset="digits",
    input_shape=(8, 8, 1),
    classes=10,
    layers=(
        Conv2D(name="conv1", filters=16, kernel=3, activation="relu"),
        Conv2D(name="conv2", filters=32, kernel=3, activation="relu"),
        MaxPool2D(name="pool1", size=2),
        Flatten(name="flatten"),
        Dense(name="dense1", units=64, activation="relu"),
        Dense(name="logits", units=10),
    ),
    optimizer=Adam(),
    batch_size=32,
    epochs=20,
    block_steps=15,
    target_accuracy=0.97,
)
