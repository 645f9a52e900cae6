"""The workload's optimizers by PyTorch's own classes."""

import math
from typing import Any

import torch

from levelfield.workloads.base import SGD, Optimizer
from services.torch_worker.describe import describe_optimizer


def make_optimizer(network: torch.nn.Module, of: Optimizer, learning_rate: float | None, *, fused: bool) -> torch.optim.Optimizer:
    """``learning_rate`` takes the place of the workload's."""
    learning = [p for p in network.parameters() if p.requires_grad]
    common = {"lr": learning_rate or of.learning_rate, "fused": fused or None}
    if isinstance(of, SGD):
        return torch.optim.SGD(learning, momentum=of.momentum, **common)
    return torch.optim.Adam(learning, betas=(of.beta_1, of.beta_2), eps=of.epsilon, **common)


def make_usual_optimizer(network: torch.nn.Module, of: Optimizer, learning_rate: float | None) -> torch.optim.Optimizer:
    """PyTorch's own of that kind as it comes, but for the learning rate and, of SGD, the momentum."""
    rate = learning_rate or of.learning_rate
    if isinstance(of, SGD):
        return torch.optim.SGD(network.parameters(), lr=rate, momentum=of.momentum)
    return torch.optim.Adam(network.parameters(), lr=rate)


def align(optimizer: torch.optim.Optimizer, of: Optimizer, step: int) -> None:
    """Before a step (counted from 1): make PyTorch's Adam compute the workload's equation.

    Its epsilon comes after the bias correction, ours before (see `Adam`). PyTorch's SGD is the workload's as it is.
    """
    if not isinstance(of, SGD):
        optimizer.param_groups[0]["eps"] = of.epsilon / math.sqrt(1.0 - of.beta_2**step)


def describe_aligned(optimizer: torch.optim.Optimizer, of: Optimizer) -> dict[str, Any]:
    """What an optimizer says of itself, and what `align` makes of it."""
    said = describe_optimizer(optimizer)
    if isinstance(of, SGD):
        return said
    kernel = f"{said['optimizer_kernel']}, epsilon set anew before each step"
    return said | {"optimizer_kernel": kernel, "epsilon": f"{of.epsilon} before the bias correction"}
