"""The convolutional network of TensorFlow's and PyTorch's beginners' tutorials, on CIFAR-10."""

from levelfield.workloads.base import Adam, Workload
from levelfield.workloads.layers import Conv2D, Dense, Dropout, Flatten, MaxPool2D

WORKLOAD = Workload(
    name="cifar10_cnn",
    title="CIFAR-10, small CNN",
    dataset="cifar10",
    input_shape=(32, 32, 3),
    input_scale=255.0,
    classes=10,
    layers=(
        Conv2D(name="conv1", filters=32, kernel=3, activation="relu"),
        MaxPool2D(name="pool1", size=2),
        Conv2D(name="conv2", filters=64, kernel=3, activation="relu"),
        MaxPool2D(name="pool2", size=2),
        Conv2D(name="conv3", filters=64, kernel=3, activation="relu"),
        Flatten(name="flatten"),
        Dense(name="dense1", units=64, activation="relu"),
        Dropout(name="dropout1", rate=0.5),
        Dense(name="logits", units=10),
    ),
    optimizer=Adam(),
    batch_size=32,
    epochs=10,
    block_steps=20,
    target_accuracy=0.65,
    parity_seed=12,
)
