"""The workloads as plain PyTorch loops; what is shared with the worker, and why, stands in `bench.bare`.

Each loop takes the indices of its batches and returns the losses, which stay on the device. Adam's epsilon moves with the step, because the
workloads' equation has it before the bias correction (`levelfield.workloads.base.Adam`); ``bare.step`` counts the optimizer's steps.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from bench.bare import Choices


def cifar10_matched(bare: "Bare", batches: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Channels first, PyTorch's own choice of Adam's kernel."""
    network, optimizer, x, y, losses = bare.network, bare.optimizer, bare.x, bare.y, []
    network.train()
    for index in batches:
        images = x.index_select(0, index)
        if not bare.prepared:
            images = images.permute(0, 3, 1, 2).to(bare.dtype, memory_format=torch.contiguous_format).div_(255)
        optimizer.zero_grad()
        loss = functional.cross_entropy(network(images), y.index_select(0, index))
        loss.backward()
        bare.step += 1
        optimizer.param_groups[0]["eps"] = bare.epsilon / math.sqrt(1 - bare.beta_2**bare.step)
        optimizer.step()
        losses.append(loss.detach())
    return losses


def cifar10_tuned(bare: "Bare", batches: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Channels last, fused Adam, and autocast where the precision is bf16."""
    network, optimizer, x, y, losses = bare.network, bare.optimizer, bare.x, bare.y, []
    network.train()
    for index in batches:
        images = x.index_select(0, index).permute(0, 3, 1, 2)
        if not bare.prepared:
            images = images.to(bare.dtype, memory_format=torch.channels_last).div_(255)
        optimizer.zero_grad()
        with bare.autocast():
            logits = network(images)
        loss = functional.cross_entropy(logits.to(bare.dtype), y.index_select(0, index))
        loss.backward()
        bare.step += 1
        optimizer.param_groups[0]["eps"] = bare.epsilon / math.sqrt(1 - bare.beta_2**bare.step)
        optimizer.step()
        losses.append(loss.detach())
    return losses


def imdb_matched(bare: "Bare", batches: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """The labels are floats already."""
    network, optimizer, x, y, losses = bare.network, bare.optimizer, bare.x, bare.y, []
    network.train()
    for index in batches:
        optimizer.zero_grad()
        logits = network(x.index_select(0, index))
        loss = functional.binary_cross_entropy_with_logits(logits.squeeze(1), y.index_select(0, index))
        loss.backward()
        bare.step += 1
        optimizer.param_groups[0]["eps"] = bare.epsilon / math.sqrt(1 - bare.beta_2**bare.step)
        optimizer.step()
        losses.append(loss.detach())
    return losses


def imdb_tuned(bare: "Bare", batches: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """Fused Adam, and autocast where the precision is bf16."""
    network, optimizer, x, y, losses = bare.network, bare.optimizer, bare.x, bare.y, []
    network.train()
    for index in batches:
        optimizer.zero_grad()
        with bare.autocast():
            logits = network(x.index_select(0, index))
        loss = functional.binary_cross_entropy_with_logits(logits.squeeze(1).to(bare.dtype), y.index_select(0, index))
        loss.backward()
        bare.step += 1
        optimizer.param_groups[0]["eps"] = bare.epsilon / math.sqrt(1 - bare.beta_2**bare.step)
        optimizer.step()
        losses.append(loss.detach())
    return losses


LOOPS = {
    ("cifar10_cnn", "matched"): cifar10_matched,
    ("cifar10_cnn", "tuned"): cifar10_tuned,
    ("imdb_lstm", "matched"): imdb_matched,
    ("imdb_lstm", "tuned"): imdb_tuned,
}


class Bare:
    """What a loop has in hand. ``batches`` are the indices of the epoch's coming batches, shape (batch,) each."""

    def __init__(self, worker: Any, choices: Choices) -> None:
        """Raises ValueError for what the loops do not do: several steps a call, compiling, bf16 in ``matched``."""
        if choices.steps_per_call or worker.mode != "eager" or (worker.precision == "bf16" and not worker.tuned):
            raise ValueError("the bare PyTorch loop runs every operation as Python reaches it, and bf16 in the track tuned alone")
        self._worker = worker
        self._loop = LOOPS[worker.workload.name, "tuned" if worker.tuned else "matched"]
        self.network, self.optimizer, self.dtype, self.batch_size = worker.network, worker.optimizer, worker.dtype, worker.batch_size
        adam = worker.workload.optimizer
        self.epsilon, self.beta_2, self.step = adam.epsilon, adam.beta_2, worker.step
        self.x, self.prepared = worker.x_train, choices.prepared and not worker.workload.takes_tokens
        if self.prepared:
            images = self.x.to(self.dtype).div_(255)
            self.x = images if worker.tuned else images.permute(0, 3, 1, 2).contiguous()
        binary = worker.workload.loss == "binary_cross_entropy"
        self.y = worker.y_train.to(self.dtype) if binary else worker.y_train
        self.batches: Iterator[torch.Tensor] = iter(())
        self.losses: list[torch.Tensor] = []

    def begin_epoch(self, order: NDArray[np.int64] | torch.Tensor) -> None:
        """What does not fill a batch is left out."""
        full = len(order) // self.batch_size * self.batch_size
        self.batches = iter(torch.as_tensor(order[:full], device=self.x.device).split(self.batch_size))

    def train(self, n: int) -> None:
        """The optimizer's count of steps is the worker's too: it goes on where this ends."""
        self.step = self._worker.step
        self.losses = self._loop(self, itertools.islice(self._shuffled(), n))
        self._worker.step = self.step

    def synchronize(self) -> None:
        """A CPU has done everything when a call returns."""
        if self.x.is_cuda:
            torch.cuda.synchronize(self.x.device)

    def autocast(self) -> Any:
        """For bf16 alone: a context that changes nothing still takes time."""
        return torch.autocast(self.x.device.type, torch.bfloat16) if self._worker.precision == "bf16" else nullcontext()

    def _shuffled(self) -> Iterator[torch.Tensor]:
        while True:
            yield from self.batches
            self.begin_epoch(torch.randperm(len(self.x), device=self.x.device))
