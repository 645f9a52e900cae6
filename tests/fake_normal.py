"""Batch normalisation in NumPy."""

import numpy as np

from levelfield.workloads.base import Weights
from levelfield.workloads.layers import BatchNorm
from tests.fake_chain import Chain


class BatchNormOp:
    """As `levelfield.workloads.layers.BatchNorm` says; changes its moving mean and variance in place where it is ``training``."""

    training = False

    def __init__(self, layer: BatchNorm, weights: Weights) -> None:
        self.name, self.momentum, self.epsilon = layer.name, layer.momentum, layer.epsilon
        self.gamma, self.beta = weights[f"{layer.name}/gamma"], weights[f"{layer.name}/beta"]
        self.moving = weights[f"{layer.name}/moving_mean"], weights[f"{layer.name}/moving_variance"]

    def forward(self, x):
        mean, variance = self.moving
        if self.training:
            batch = x.mean(axis=(0, 1, 2)), x.var(axis=(0, 1, 2))
            for moving, value in zip(self.moving, batch, strict=True):
                moving[...] = self.momentum * moving + (1 - self.momentum) * value
            mean, variance = batch
        self.deviation = np.sqrt(variance + x.dtype.type(self.epsilon))
        self.normal = (x - mean) / self.deviation
        return self.gamma * self.normal + self.beta

    def backward(self, dy):
        """The mean and the variance depend on every pixel, too (Ioffe and Szegedy 2015, section 3)."""
        axes, n = (0, 1, 2), dy.size // dy.shape[3]
        self.gradients = {f"{self.name}/gamma": (dy * self.normal).sum(axis=axes), f"{self.name}/beta": dy.sum(axis=axes)}
        gamma, beta = self.gradients.values()
        return self.gamma / self.deviation * (dy - beta / n - self.normal * gamma / n)


def set_training(network: Chain, training: bool) -> None:  # noqa: FBT001
    """Say whether what comes is a training step."""
    for op in network.every():
        if isinstance(op, BatchNormOp):
            op.training = training
