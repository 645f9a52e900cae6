"""Dropout in NumPy, with masks that are given or drawn."""

import numpy as np

from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import Dropout, mask_shape
from tests.fake_chain import Chain


class DropoutOp:
    """Lets everything through until it is given a mask: True where an element is kept, shape (batch, ...)."""

    gradients: Weights = {}
    kept = None

    def __init__(self, layer: Dropout) -> None:
        self.name, self.rate = layer.name, layer.rate

    def forward(self, x):
        return self._dropped(x)

    def backward(self, dy):
        return self._dropped(dy)

    def _dropped(self, x):
        return x if self.kept is None else np.where(self.kept, x / (1.0 - self.rate), x.dtype.type(0))


def set_masks(network: Chain, masks) -> None:
    """Give every dropout layer its mask by its name; None turns dropout off."""
    for op in network.every():
        if isinstance(op, DropoutOp):
            op.kept = None if masks is None else masks[op.name]


def draw_masks(workload: Workload, examples: int, rng: np.random.Generator) -> dict:
    """Masks for a batch of ``examples``, as `levelfield.worker.Worker.trace` takes them."""
    layers = [(layer, source) for layer, source, _ in workload.shapes() if isinstance(layer, Dropout)]
    return {layer.name: rng.random((examples, *mask_shape(layer, source))) >= layer.rate for layer, source in layers}
