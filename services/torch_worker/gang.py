"""Ranks that train one network together: `DistributedDataParallel`, over NCCL between GPUs and Gloo between CPUs."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from levelfield.gang import JOIN_TIMEOUT_S, Gang, seed_of


class LossModule(nn.Module):
    """What computes a loss with the network's parameters, in a module: its gradients are reduced while the backward pass still goes on."""

    def __init__(self, network: nn.Module, loss: Callable[..., Any], traced_loss: Callable[..., Any]) -> None:
        super().__init__()
        self.network, self.loss, self.traced_loss = network, loss, traced_loss

    def forward(self, *words: Any, traced: bool = False) -> Any:
        """What one of the two functions gives."""
        return (self.traced_loss if traced else self.loss)(*words)


def join(gang: Gang, device: torch.device) -> None:
    """Meet the other ranks at the first one's endpoint, if this process has not met them yet.

    Raises an error of `torch.distributed` where they do not come in time.
    """
    if not distributed.is_initialized():
        host, _, port = gang.peers[0].rpartition(":")
        # A store of its own, because the process group's time limit would be every later operation's, too.
        store = distributed.TCPStore(host, int(port), gang.size, gang.rank == 0, timeout=timedelta(seconds=JOIN_TIMEOUT_S))
        backend = "nccl" if device.type == "cuda" else "gloo"
        distributed.init_process_group(backend, store=store, rank=gang.rank, world_size=gang.size)
    torch.manual_seed(seed_of(torch.initial_seed(), gang.rank))


def together(losses: LossModule, gang: Gang, device: torch.device) -> nn.Module:
    """``losses``, after whose backward pass every rank has the mean of all ranks' gradients."""
    if gang.size == 1:
        return losses
    ids = [torch.cuda.current_device()] if device.type == "cuda" else None
    return DistributedDataParallel(losses, device_ids=ids, broadcast_buffers=False, gradient_as_bucket_view=True)


def average_buffers(network: nn.Module, gang: Gang) -> None:
    """Let every rank keep the mean of the moving averages that the ranks keep; called by all of them."""
    buffers = [buffer for buffer in network.buffers() if buffer.is_floating_point()]
    if gang.size > 1 and buffers:
        means = sum_over_ranks(torch.cat(buffers), gang) / gang.size
        for buffer, mean in zip(buffers, means.split([len(buffer) for buffer in buffers]), strict=True):
            buffer.copy_(mean)


def sum_over_ranks(values: torch.Tensor, gang: Gang) -> torch.Tensor:
    """The sum of all ranks' ``values``, in place."""
    if gang.size > 1:
        distributed.all_reduce(values)
    return values
