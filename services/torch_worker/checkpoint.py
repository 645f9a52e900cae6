"""What a run needs to go on after a loss, as PyTorch stores it: the states of network and optimizer, and the random state."""

from pathlib import Path

import torch
from torch import nn

FILE = "state.pt"


def save_state(folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, step: int, device: torch.device) -> None:
    """Write all of it to a file in ``folder``."""
    random = {"cpu": torch.get_rng_state()} | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})
    torch.save({"network": network.state_dict(), "optimizer": optimizer.state_dict(), "step": step, "random": random}, folder / FILE)


def restore_state(folder: Path, network: nn.Module, optimizer: torch.optim.Optimizer, device: torch.device) -> int:
    """Take it up again; returns the step."""
    # The random state stays on the CPU, wherever it is of.
    found = torch.load(folder / FILE, map_location="cpu", weights_only=True)
    network.load_state_dict(found["network"])
    optimizer.load_state_dict(found["optimizer"])
    torch.set_rng_state(found["random"]["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(found["random"]["cuda"], device)
    return int(found["step"])
