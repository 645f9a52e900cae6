"""Training as it is written without a platform, one file for each framework, to compare the platform with (`bench.overhead_process`).

A loop is given a live worker and uses its network, its optimizer and its data tensors, because two copies of the very same program differ
persistently in speed by where their memory lies: weights, Adam's moments, the mapped examples and the allocator's blocks are then the same
for both. What follows from the loop alone is the loop's own: the order of the examples, how batches are cut from it, how often Python is
left, labels as floats where the loss wants them (made once), what happens to the losses, and when to wait for the device.
"""

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Choices:
    """How the bare loop may differ from the worker's declared way, to see what that way costs.

    ``prepared``: images are made floats in [0, 1] once, not in every step. ``steps_per_call``: how many steps a call of TensorFlow's graph
    does; None: as the track declares it, one in ``matched``, and as many as are asked for in ``tuned``.
    """

    prepared: bool = False
    steps_per_call: int | None = None


class Bare(Protocol):
    """A plain loop that goes on through shuffled epochs of full batches, as the bursts of a worker do."""

    batch_size: int
    losses: list[Any]  # those of the last call of `train`, still on the device

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        """Take the coming batches from ``order``, shape (training examples,), until it has no full one left."""
        ...

    def train(self, n: int) -> None:
        """Do the next ``n`` optimizer steps; wait for nothing."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        ...


def load(framework: str, worker: Any, choices: Choices) -> Bare:
    """The framework's bare loop for what ``worker`` was built for. Raises KeyError for a workload that has none."""
    bare: Bare = importlib.import_module(f"{__name__}.{framework}_bare").Bare(worker, choices)
    return bare
