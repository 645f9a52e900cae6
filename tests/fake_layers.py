"""The layers of a workload in NumPy, forwards and backwards, straight from their definitions.

Images are (batch, height, width, channels), vectors (batch, features). ``backward`` takes the loss' gradient with respect to the output
of the last ``forward``, gives that with respect to its input and leaves those of the parameters in ``gradients``.
"""

from collections.abc import Sequence

import numpy as np

from levelfield.workloads.base import Weights
from levelfield.workloads.layers import (
    LSTM,
    BatchNorm,
    Conv2D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalAveragePool2D,
    Layer,
    MaxPool2D,
    Residual,
)
from tests.fake_chain import Chain, ResidualOp
from tests.fake_dropout import DropoutOp
from tests.fake_normal import BatchNormOp
from tests.fake_recurrent import EmbeddingOp, LSTMOp
from tests.fake_windows import Windows


class ReLUOp:
    gradients: Weights = {}

    def __init__(self, layer: Conv2D | BatchNorm | Dense | Residual) -> None:
        self.name = layer.name

    def forward(self, x):
        self.positive = x > 0
        return x * self.positive

    def backward(self, dy):
        return dy * self.positive


class FlattenOp:
    gradients: Weights = {}

    def __init__(self, layer: Flatten) -> None:
        self.name = layer.name

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class DenseOp:
    def __init__(self, layer: Dense, weights: Weights) -> None:
        self.name, self.kernel, self.bias = layer.name, weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]

    def forward(self, x):
        self.x = x
        return x @ self.kernel + self.bias

    def backward(self, dy):
        self.gradients = {f"{self.name}/kernel": self.x.T @ dy, f"{self.name}/bias": dy.sum(axis=0)}
        return dy @ self.kernel.T


class Conv2DOp:
    """A convolution as one matrix product: each row of ``columns`` is the part of the image that one output pixel sees."""

    def __init__(self, layer: Conv2D, weights: Weights) -> None:
        self.name, self.kernel, self.bias = layer.name, weights[f"{layer.name}/kernel"], weights.get(f"{layer.name}/bias")
        self.windows = Windows(layer.kernel, layer.stride, layer.padding)

    def forward(self, x):
        windows = self.windows.cut(x, 0)
        self.shape, self.columns = windows.shape, windows.reshape(-1, np.prod(windows.shape[3:]))
        y = self.columns @ self.kernel.reshape(-1, self.kernel.shape[3])
        return (y if self.bias is None else y + self.bias).reshape(*windows.shape[:3], -1)

    def backward(self, dy):
        rows = dy.reshape(-1, dy.shape[3])
        self.gradients = {f"{self.name}/kernel": (self.columns.T @ rows).reshape(self.kernel.shape)}
        if self.bias is not None:
            self.gradients[f"{self.name}/bias"] = rows.sum(axis=0)
        return self.windows.put_back((rows @ self.kernel.reshape(-1, dy.shape[3]).T).reshape(self.shape))


class MaxPool2DOp:
    """Where a window holds its maximum several times, the first in row order gets the whole gradient."""

    gradients: Weights = {}

    def __init__(self, layer: MaxPool2D) -> None:
        self.name, self.windows = layer.name, Windows(layer.size, layer.stride or layer.size, layer.padding)

    def forward(self, x):
        windows = self.windows.cut(x, -np.inf)
        self.shape = windows.shape
        flat = windows.reshape(*windows.shape[:3], -1, windows.shape[5])
        self.first = flat.argmax(axis=3)[:, :, :, None]
        return np.take_along_axis(flat, self.first, axis=3)[:, :, :, 0]

    def backward(self, dy):
        flat = np.zeros((*self.shape[:3], self.shape[3] * self.shape[4], self.shape[5]), dy.dtype)
        np.put_along_axis(flat, self.first, dy[:, :, :, None], axis=3)
        return self.windows.put_back(flat.reshape(self.shape))


class GlobalAveragePool2DOp:
    gradients: Weights = {}

    def __init__(self, layer: GlobalAveragePool2D) -> None:
        self.name = layer.name

    def forward(self, x):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, dy):
        return np.broadcast_to(dy[:, None, None] / (self.shape[1] * self.shape[2]), self.shape)


WITH_PARAMETERS = {Conv2D: Conv2DOp, BatchNorm: BatchNormOp, Dense: DenseOp, Embedding: EmbeddingOp, LSTM: LSTMOp}
WITHOUT_PARAMETERS = {
    MaxPool2D: MaxPool2DOp,
    GlobalAveragePool2D: GlobalAveragePool2DOp,
    Flatten: FlattenOp,
    Dropout: DropoutOp,
}


def network(layers: Sequence[Layer], weights: Weights) -> Chain:
    """The layers in order, an activation after its layer and under its name.

    They read ``weights`` at each step, so change the arrays in place.
    """
    ops: list = []
    for layer in layers:
        kind = type(layer)
        if isinstance(layer, Residual):
            ops.append(ResidualOp(layer.name, network(layer.body, weights), network(layer.shortcut, weights)))
            ops.append(ReLUOp(layer))
            continue
        ops.append(WITH_PARAMETERS[kind](layer, weights) if kind in WITH_PARAMETERS else WITHOUT_PARAMETERS[kind](layer))
        if getattr(layer, "activation", None) == "relu":
            ops.append(ReLUOp(layer))
    return Chain(ops)
