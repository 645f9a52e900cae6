"""Weights between the canonical layout and PyTorch's: kernels transposed, a dense layer's flattened inputs in channel-first order."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from levelfield.workloads.base import Conv2D, Dense, Flatten, Weights, Workload


def load_weights(network: nn.Module, workload: Workload, weights: Weights) -> None:
    """Copy canonical weights into the network's parameters."""
    with torch.no_grad():
        for name, parameter, flattened in _parameters(network, workload):
            parameter.copy_(torch.from_numpy(_to_torch(weights[name], flattened)))


def read_weights(network: nn.Module, workload: Workload) -> Weights:
    """The network's parameters in the canonical layout, as copies."""
    return {name: _to_canonical(p.detach().cpu().numpy(), flattened) for name, p, flattened in _parameters(network, workload)}


def _parameters(network: nn.Module, workload: Workload) -> Iterator[tuple[str, nn.Parameter, tuple[int, ...] | None]]:
    """Canonical name, parameter and, for a dense kernel behind a `Flatten`, the (height, width, channels) that were flattened."""
    flattened: tuple[int, ...] | None = None
    for layer, source, _ in workload.shapes():
        if isinstance(layer, Flatten):
            flattened = source
        elif isinstance(layer, Conv2D | Dense):
            module = network.get_submodule(layer.name)
            yield f"{layer.name}/kernel", module.weight, flattened if isinstance(layer, Dense) else None
            yield f"{layer.name}/bias", module.bias, None
            flattened = None


def _to_torch(array: NDArray, flattened: tuple[int, ...] | None) -> NDArray:
    if array.ndim == 4:  # (height, width, in, out) to (out, in, height, width)
        array = array.transpose(3, 2, 0, 1)
    elif array.ndim == 2:  # (in, out) to (out, in)
        if flattened:
            array = array.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(array.shape)
        array = array.T
    return np.ascontiguousarray(array)


def _to_canonical(array: NDArray, flattened: tuple[int, ...] | None) -> NDArray:
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    elif array.ndim == 2:
        array = array.T
        if flattened:
            height, width, channels = flattened
            array = array.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(array.shape)
    return np.array(array, order="C", copy=True)
