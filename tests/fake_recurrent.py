"""The layers for sequences in NumPy: tokens are (batch, time), sequences (batch, time, features)."""

import numpy as np

from levelfield.workloads.base import Weights
from levelfield.workloads.layers import LSTM, Embedding


def sigmoid(x):
    with np.errstate(over="ignore"):  # exp(-x) may be infinite; the quotient is 0 then, as it should be
        return 1 / (1 + np.exp(-x))


class EmbeddingOp:
    def __init__(self, layer: Embedding, weights: Weights) -> None:
        self.name, self.table = layer.name, weights[f"{layer.name}/embeddings"]

    def forward(self, tokens):
        self.tokens = tokens
        return self.table[tokens]

    def backward(self, dy) -> None:
        """A token that occurs several times gets the sum of its gradients. Tokens themselves have none."""
        gradient = np.zeros_like(self.table)
        np.add.at(gradient, self.tokens, dy)
        self.gradients = {f"{self.name}/embeddings": gradient}


class LSTMOp:
    """With i, f, o = sigmoid(z), g = tanh(z) of z = x kernel + h recurrent_kernel + bias: c' = f c + i g and h' = o tanh(c')."""

    def __init__(self, layer: LSTM, weights: Weights) -> None:
        self.name, self.units = layer.name, layer.units
        self.kernel, self.recurrent, self.bias = (weights[f"{layer.name}/{name}"] for name in ("kernel", "recurrent_kernel", "bias"))

    def forward(self, x):
        self.x = x
        h = c = np.zeros((len(x), self.units), x.dtype)
        self.steps = []  # of each time step what the way back needs
        given = x @ self.kernel + self.bias
        for t in range(x.shape[1]):
            i, f, g, o = np.split(given[:, t] + h @ self.recurrent, 4, axis=1)
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            after = f * c + i * g
            self.steps.append((i, f, g, o, h, c, np.tanh(after)))
            h, c = o * np.tanh(after), after
        return h

    def backward(self, dy):
        """Back through time. ``dh`` and ``dc`` are the loss' gradients with respect to the two states between the time steps."""
        dh, dc = dy, np.zeros_like(dy)
        dz = np.empty((*self.x.shape[:2], 4 * self.units), dy.dtype)
        for t, (i, f, g, o, _, c, tanh) in reversed(list(enumerate(self.steps))):
            dc = dc + dh * o * (1 - tanh**2)
            dz[:, t] = np.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh * tanh * o * (1 - o)], axis=1)
            dh, dc = dz[:, t] @ self.recurrent.T, dc * f
        h = np.stack([step[4] for step in self.steps], axis=1)
        self.gradients = {
            f"{self.name}/kernel": np.tensordot(self.x, dz, axes=((0, 1), (0, 1))),
            f"{self.name}/recurrent_kernel": np.tensordot(h, dz, axes=((0, 1), (0, 1))),
            f"{self.name}/bias": dz.sum(axis=(0, 1)),
        }
        return dz @ self.kernel.T
