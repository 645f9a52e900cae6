"""A network run layer by layer, so that what each gives can be seen."""

from typing import Any

import torch

from levelfield.worker import DRAWN, Drawn
from services.torch_worker.layers import DROPOUTS, Residual


def run_layers(
    network: torch.nn.Module, x: torch.Tensor, masks: dict[str, torch.Tensor] | Drawn | None, outputs: dict[str, torch.Tensor]
) -> torch.Tensor:
    """What a network makes of ``x``; each layer's output goes into ``outputs``. Dropout by the given masks, by its own, or off."""
    for name, module in network.named_children():
        if isinstance(module, Residual):
            x = module.joined(run_layers(module.body, x, masks, outputs), run_layers(module.shortcut, x, masks, outputs))
        elif isinstance(module, DROPOUTS) and masks != DRAWN:
            x = _masked(module, x, masks and masks[name])
        else:
            x = module(x)
        outputs[name.removesuffix("_relu")] = x
    return x


def _masked(dropout: Any, x: torch.Tensor, kept: torch.Tensor | None) -> torch.Tensor:
    return x if kept is None else x * kept.to(x.dtype) / (1.0 - dropout.p)
