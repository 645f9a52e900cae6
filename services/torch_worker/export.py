"""Arrays between the canonical layout and PyTorch's: kernels transposed, images and what was flattened from them channels first."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from levelfield.workloads.base import Weights, Workload
from levelfield.workloads.layers import LSTM, BatchNorm, Dropout, Flatten, Layer, Shape, parameters


def load_weights(network: nn.Module, workload: Workload, weights: Weights) -> None:
    """Copy canonical weights into the network's parameters; an LSTM's second bias is frozen at zero, so that one learns as elsewhere."""
    with torch.no_grad():
        for name, parameter, flattened in _kept(network, workload):
            parameter.copy_(torch.from_numpy(_to_torch(name, weights[name], flattened)))
        for module in network.modules():
            if isinstance(module, nn.LSTM):
                module.bias_hh_l0.zero_().requires_grad_(False)


def set_dropout(network: nn.Module, workload: Workload) -> None:
    """Take over the workload's rates: the parity certificate turns dropout off by them."""
    for layer in workload.layers:
        if isinstance(layer, Dropout):
            network.get_submodule(layer.name).p = layer.rate


def read_weights(network: nn.Module, workload: Workload) -> Weights:
    """What the network keeps, in the canonical layout, as copies."""
    return {name: _to_canonical(name, _to_numpy(p.detach()), flattened) for name, p, flattened in _kept(network, workload)}


def read_gradients(network: nn.Module, workload: Workload) -> Weights:
    """The gradient of each parameter in the canonical layout, as copies; zero where none arrived."""
    return {
        name: _to_canonical(name, _to_numpy(torch.zeros_like(p) if p.grad is None else p.grad), flattened)
        for name, p, flattened in _kept(network, workload)
        if isinstance(p, nn.Parameter)
    }


def read_outputs(workload: Workload, outputs: dict[str, torch.Tensor]) -> dict[str, NDArray]:
    """Each layer's output in the canonical layout."""
    found = {}
    for layer, source, _ in workload.shapes():
        array = _to_numpy(outputs[layer.name].detach())
        if array.ndim == 4:
            array = array.transpose(0, 2, 3, 1)
        elif isinstance(layer, Flatten):
            height, width, channels = source
            array = array.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(array.shape)
        found[layer.name] = np.array(array, order="C")
    return found


def _kept(network: nn.Module, workload: Workload) -> Iterator[tuple[str, torch.Tensor, Shape | None]]:
    """Canonical name, parameter or buffer and, for a dense kernel behind a `Flatten`, the (height, width, channels) that were flattened."""
    modules = {path.rpartition(".")[2]: module for path, module in network.named_modules()}
    flattened: Shape | None = None
    for layer, source, _ in workload.shapes():
        names = parameters(layer, source)
        if isinstance(layer, Flatten):
            flattened = source
        elif names:
            for name in names:
                yield f"{layer.name}/{name}", getattr(modules[layer.name], _attribute(layer, name)), flattened if name == "kernel" else None
            flattened = None


def _attribute(layer: Layer, name: str) -> str:
    """What PyTorch calls a parameter."""
    if isinstance(layer, LSTM):  # its gates stand in the canonical order
        return {"kernel": "weight_ih_l0", "recurrent_kernel": "weight_hh_l0", "bias": "bias_ih_l0"}[name]
    if isinstance(layer, BatchNorm):
        return {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}[name]
    return "bias" if name == "bias" else "weight"


def _to_torch(name: str, array: NDArray, flattened: Shape | None) -> NDArray:
    if array.ndim == 4:  # (height, width, in, out) to (out, in, height, width)
        array = array.transpose(3, 2, 0, 1)
    elif name.endswith("kernel"):  # (in, out) to (out, in)
        if flattened:
            array = array.reshape(*flattened, -1).transpose(2, 0, 1, 3).reshape(array.shape)
        array = array.T
    return np.ascontiguousarray(array)


def _to_canonical(name: str, array: NDArray, flattened: Shape | None) -> NDArray:
    if array.ndim == 4:
        array = array.transpose(2, 3, 1, 0)
    elif name.endswith("kernel"):
        array = array.T
        if flattened:
            height, width, channels = flattened
            array = array.reshape(channels, height, width, -1).transpose(1, 2, 0, 3).reshape(array.shape)
    return np.array(array, order="C", copy=True)


def _to_numpy(tensor: torch.Tensor) -> NDArray:
    """NumPy has no bfloat16."""
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()
