"""What a network and an optimizer of PyTorch say of themselves, read from the objects."""

from typing import Any

import torch
from torch import nn

from services.torch_worker.layers import DROPOUTS, LastHidden, PopulationBatchNorm2d, SequenceDropout


def describe_network(network: nn.Module) -> dict[str, Any]:
    """Size, types and the layers whose form differs between frameworks."""
    parameters = list(network.parameters())
    return {
        "parameter_dtype": str(parameters[0].dtype).removeprefix("torch."),
        "parameters": sum(p.numel() for p in parameters if p.requires_grad),
        "dropout": _forms(network, DROPOUTS, _dropout),
        "batch_norm": list(dict.fromkeys(_forms(network, nn.BatchNorm2d, _batch_norm))),
        "recurrent": _forms(network, nn.LSTM, _lstm),
    }


def describe_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Equation and hyper-parameters. PyTorch's Adam adds its epsilon after the bias correction."""
    options = optimizer.defaults
    if "betas" in options:
        own = {"betas": list(options["betas"]), "epsilon": f"{options['eps']} after the bias correction"}
    else:
        own = {"momentum": float(f"{options['momentum']:.6g}"), "nesterov": options["nesterov"]}
    return {
        "optimizer": type(optimizer).__name__,
        "learning_rate": options["lr"],
        **own,
        "weight_decay": options["weight_decay"],
        "optimizer_kernel": _kernel(optimizer),
    }


def describe_initialisers(network: nn.Module) -> dict[str, str]:
    """What `reset_parameters` of PyTorch's layers draws from; the layers that are there decide."""
    kinds = [type(module) for module in network.modules()]
    known = {
        nn.Conv2d: "KaimingUniform(a=sqrt(5))",
        nn.Linear: "KaimingUniform(a=sqrt(5))",
        nn.Embedding: "Normal(0, 1)",
        LastHidden: "Uniform(1/sqrt(units))",
    }
    return {
        "initialiser": f"PyTorch's own ({', '.join(dict.fromkeys(form for kind, form in known.items() if kind in kinds))})",
        "bias_initialiser": "Uniform(1/sqrt(fan in))",
    }


def _kernel(optimizer: torch.optim.Optimizer) -> str:
    """How one update is computed; without a choice PyTorch takes all parameters at once on a GPU, and one after the other on a CPU."""
    group = optimizer.param_groups[0]
    if group["fused"]:
        return "all parameters in one fused kernel"
    together = group["foreach"] or (group["foreach"] is None and group["params"][0].is_cuda)
    return "all parameters together, operation by operation" if together else "one parameter after the other"


def _forms(network: nn.Module, kind: type | tuple[type, ...], form: Any) -> list[str]:
    return [form(module) for module in network.modules() if isinstance(module, kind)]


def _dropout(module: nn.Module) -> str:
    per = "sequence" if isinstance(module, SequenceDropout) else "element"
    return f"rate {module.p}, one draw per {per}"


def _batch_norm(module: nn.BatchNorm2d) -> str:
    divisor = "n" if isinstance(module, PopulationBatchNorm2d) else "n - 1"
    moving = f"moving variance divided by {divisor}"
    return f"momentum {1 - module.momentum:g}, epsilon {module.eps:g}, {moving}, each worker by its own examples"


def _lstm(module: nn.LSTM) -> str:
    learning = sum(p.requires_grad for name, p in module.named_parameters() if name.startswith("bias"))
    return f"LSTM {module.hidden_size}, {learning} learning bias{'es' if learning > 1 else ''} per gate, recurrent dropout 0"
