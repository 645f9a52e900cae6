"""The layers of a workload in NumPy, forwards and backwards, straight from their definitions.

Images are (batch, height, width, channels), vectors (batch, features). ``backward`` takes the loss' gradient with respect to the output
of the last ``forward``, gives that with respect to its input and leaves those of the parameters in ``gradients``.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import LSTM, Conv2D, Dense, Dropout, Embedding, Flatten, MaxPool2D
from tests.fake_dropout import DropoutOp
from tests.fake_recurrent import EmbeddingOp, LSTMOp


class ReLUOp:
    gradients: Weights = {}

    def __init__(self, layer: Conv2D | Dense) -> None:
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
        self.name, self.kernel, self.bias = layer.name, weights[f"{layer.name}/kernel"], weights[f"{layer.name}/bias"]

    def forward(self, x):
        height, width, _, filters = self.kernel.shape
        windows = sliding_window_view(x, (height, width), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
        self.shape, self.windows = x.shape, windows.shape
        self.columns = windows.reshape(-1, height * width * x.shape[3])
        return (self.columns @ self.kernel.reshape(-1, filters) + self.bias).reshape(*windows.shape[:3], filters)

    def backward(self, dy):
        rows = dy.reshape(-1, dy.shape[3])
        self.gradients = {f"{self.name}/kernel": (self.columns.T @ rows).reshape(self.kernel.shape), f"{self.name}/bias": rows.sum(axis=0)}
        windows = (rows @ self.kernel.reshape(-1, dy.shape[3]).T).reshape(self.windows)
        dx = np.zeros(self.shape, dy.dtype)
        for i, j in np.ndindex(*self.kernel.shape[:2]):
            dx[:, i : i + dy.shape[1], j : j + dy.shape[2]] += windows[:, :, :, i, j]
        return dx


class MaxPool2DOp:
    """Where a window holds its maximum several times, the first in row order gets the whole gradient."""

    gradients: Weights = {}

    def __init__(self, layer: MaxPool2D) -> None:
        self.name, self.size = layer.name, layer.size

    def forward(self, x):
        n, height, width, channels = self.shape = x.shape
        size, rows, columns = self.size, height // self.size, width // self.size
        blocks = x[:, : rows * size, : columns * size].reshape(n, rows, size, columns, size, channels)
        windows = blocks.transpose(0, 1, 3, 5, 2, 4).reshape(n, rows, columns, channels, size * size)
        self.first = windows.argmax(axis=-1)[..., None]
        return np.take_along_axis(windows, self.first, axis=-1)[..., 0]

    def backward(self, dy):
        n, rows, columns, channels = dy.shape
        size = self.size
        windows = np.zeros((*dy.shape, size * size), dy.dtype)
        np.put_along_axis(windows, self.first, dy[..., None], axis=-1)
        blocks = windows.reshape(n, rows, columns, channels, size, size).transpose(0, 1, 4, 2, 5, 3)
        dx = np.zeros(self.shape, dy.dtype)
        dx[:, : rows * size, : columns * size] = blocks.reshape(n, rows * size, columns * size, channels)
        return dx


WITH_PARAMETERS = {Conv2D: Conv2DOp, Dense: DenseOp, Embedding: EmbeddingOp, LSTM: LSTMOp}
WITHOUT_PARAMETERS = {MaxPool2D: MaxPool2DOp, Flatten: FlattenOp, Dropout: DropoutOp}


def network(workload: Workload, weights: Weights) -> list:
    """The workload's layers in order, an activation after its layer and under its name.

    They read ``weights`` at each step, so change the arrays in place.
    """
    ops: list = []
    for layer in workload.layers:
        kind = type(layer)
        ops.append(WITH_PARAMETERS[kind](layer, weights) if kind in WITH_PARAMETERS else WITHOUT_PARAMETERS[kind](layer))
        if getattr(layer, "activation", None) == "relu":
            ops.append(ReLUOp(layer))
    return ops
