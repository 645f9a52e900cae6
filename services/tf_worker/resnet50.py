"""ResNet-50 v1.5 in Keras. Layer names are the workload's, so that its weights find their place."""

import keras
import numpy as np

from levelfield.data import Dataset
from services.tf_worker.article import Article
from services.tf_worker.layers import Residual

STAGES = ((3, 64), (4, 128), (6, 256), (3, 512))


def network() -> keras.Model:
    """Images (batch, height, width, 3) to logits (batch, 1000)."""
    layers = [
        *_convolution("stem", 64, kernel=7, stride=2),
        keras.layers.ZeroPadding2D(1, name="stem_pool_pad"),  # after a ReLU zeros are no larger than any other
        keras.layers.MaxPooling2D(3, strides=2, name="stem_pool"),
    ]
    for stage, (blocks, filters) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            layers.append(_bottleneck(f"stage{stage}_block{block}", filters, stride=stride, projects=block == 1))
    last = [keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(1000, name="logits")]
    return keras.Sequential([keras.Input((None, None, 3)), *layers, *last])


def article(dataset: Dataset) -> Article:
    """Keras' own model, which is v1: the stride is in a block's first convolution. Its own preprocessing, in NumPy."""
    preprocess = keras.applications.resnet.preprocess_input
    return Article(
        network=keras.applications.ResNet50(weights=None, classes=1000, input_shape=dataset.x_train.shape[1:]),
        loss="sparse_categorical_crossentropy",
        train=(preprocess(np.array(dataset.x_train, np.float32)), dataset.y_train),
        x_test=preprocess(np.array(dataset.x_test, np.float32)),
        preprocessing="keras.applications' for ResNet: blue, green, red, less ImageNet's mean of each",
    )


def _bottleneck(name: str, filters: int, *, stride: int, projects: bool) -> Residual:
    body = [
        *_convolution(f"{name}_1", filters),
        *_convolution(f"{name}_2", filters, kernel=3, stride=stride),
        *_convolution(f"{name}_3", 4 * filters, relu=False),
    ]
    shortcut = _convolution(f"{name}_0", 4 * filters, stride=stride, relu=False) if projects else []
    return Residual(body, shortcut, name=name)


def _convolution(name: str, filters: int, *, kernel: int = 1, stride: int = 1, relu: bool = True) -> list[keras.layers.Layer]:
    """Keras' "same" pads as much on every side where the stride is 1; with another it pads more on the right, so the padding is a layer."""
    apart = kernel > 1 and stride > 1
    layers = [keras.layers.ZeroPadding2D(kernel // 2, name=f"{name}_conv_pad")] if apart else []
    padding = "valid" if apart else "same"
    layers += [
        keras.layers.Conv2D(filters, kernel, strides=stride, padding=padding, use_bias=False, name=f"{name}_conv"),
        keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{name}_bn"),
    ]
    return [*layers, keras.layers.ReLU(name=f"{name}_bn_relu")] if relu else layers
