"""What every framework implements: a `Worker` that trains step by step, and an `EpochWorker` whose framework owns the loop.

Only plain data and NumPy cross. A worker holds no stopwatch. It raises its framework's own exceptions; the caller turns them into a
`Failure`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from levelfield.data import Dataset
from levelfield.gang import Gang
from levelfield.spec import RunSpec
from levelfield.workloads.base import Weights, Workload

Masks = Mapping[str, NDArray[np.bool_]]
Drawn: TypeAlias = Literal["drawn"]
DRAWN: Final = "drawn"  # dropout layers draw for themselves, exactly as in training


@dataclass(frozen=True, kw_only=True)
class Trace:
    """One optimizer step laid open, in the canonical layout of `levelfield.workloads.layers`.

    ``outputs`` holds each layer's output by its name, after its activation, shape (batch, ...); ``parameters`` are those after the update.
    """

    loss: float
    outputs: dict[str, NDArray[np.floating[Any]]]
    gradients: Weights
    parameters: Weights


class Trainable(Protocol):
    """What both kinds have in common. The methods are called in the order in which they stand here; building and training come between."""

    def setup(self, spec: RunSpec, *, threads: int) -> None:
        """Choose device, precision, threads and random state, before the framework initialises any of them."""
        ...

    def load(self, dataset: Dataset) -> None:
        """Bring the data set to where training reads it. The arrays are read-only."""
        ...

    def synchronize(self) -> None:
        """Wait until the device has done all that it was asked to do."""
        ...

    def predict(self) -> NDArray[np.floating[Any]]:
        """The logits of the test examples in their order, shape (test examples, outputs), as inference computes them."""
        ...

    def memory(self) -> dict[str, int]:
        """Peaks in bytes that the framework itself knows of; a peak that it does not know is left out."""
        ...

    def describe(self) -> dict[str, Any]:
        """What the worker says of itself (framework, version, device, threads, precision, mode and more), as JSON can hold it."""
        ...


class Worker(Trainable, Protocol):
    """One framework's side of a run that the core drives step by step, alone or as a rank of a gang.

    In a gang every rank is asked for the same, with the same arguments. `train_steps` and `trace` compute the rank's part of each batch and
    then wait for the other ranks, `losses` too; `predict` gives the logits of the rank's share of the test examples. What layers keep
    besides parameters that learn (`BatchNorm`) is the mean of the ranks' wherever it is read: `trace`, `predict` and `weights` wait for it.
    """

    def join(self, gang: Gang) -> None:
        """Meet the other ranks of a gang; called after `setup`, before anything is on the device. A worker that never joined is alone.

        Several workers of a process, one after the other, are the same rank of the same gang.

        Raises the framework's own exception where one of them does not come.
        """
        ...

    def exchange(self, *, on: bool) -> None:
        """Whether the steps of a gang exchange gradients, which they do until told otherwise.

        Off, each rank learns from its own parts alone, and its parameters part from the others': to measure what the exchange costs. Called
        only after `build` and `join`.
        """
        ...

    def build(self, spec: RunSpec, workload: Workload, weights: Weights) -> None:
        """Make network and optimizer. ``weights`` are in the canonical layout of `levelfield.workloads.layers`."""
        ...

    def begin_epoch(self, order: NDArray[np.int64]) -> None:
        """Start an epoch whose steps take their batches from ``order``, shape (training examples,); the last batch may be smaller."""
        ...

    def train_steps(self, n: int) -> None:
        """Do the next ``n`` optimizer steps of the epoch; wait for nothing, return nothing. Raises IndexError past the epoch's end."""
        ...

    def losses(self) -> NDArray[np.float64]:
        """The training loss of every step since the last call, shape (steps,), each the mean over its whole batch."""
        ...

    def device_ns(self) -> int | None:
        """How long the last `train_steps` took by the device's own clock, from events in its queue; asked for after `synchronize`.

        None where the device is a CPU or the framework offers no events.
        """
        ...

    def trace(self, index: NDArray[np.int64], masks: Masks | Drawn | None) -> Trace:
        """Do one optimizer step on the training examples ``index``, shape (batch,), as `train_steps` does it, and lay it open.

        ``masks`` says, by the name of each dropout layer, which elements are kept, shape (batch, *`mask_shape`); None turns dropout off;
        with `DRAWN` the layers draw for themselves, exactly as in `train_steps`.
        Takes no batch of the epoch and leaves no loss behind. In a gang ``outputs`` are those of the rank's part, all else is of all ranks.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write parameters, the optimizer's state and the random state into an empty folder, in the framework's own format.

        Called between two epochs. In a gang every rank has a folder of its own.
        """
        ...

    def restore(self, folder: Path) -> None:
        """Go on from what `save` wrote, as if nothing had been; called after `build` with the same spec, in the same rank."""
        ...

    def weights(self) -> Weights:
        """The present parameters in the canonical layout: the names and shapes that `build` was given."""
        ...


class EpochWorker(Trainable, Protocol):
    """One framework's side of a run in which the framework itself draws weights and batches: the track ``article``."""

    def build(self, spec: RunSpec, workload: Workload) -> None:
        """Make network, optimizer and input pipeline as the framework's own documentation does."""
        ...

    def fit(self, epochs: int) -> Iterator[float]:
        """Train; yields the epoch's mean training loss at the end of each of the ``epochs`` epochs."""
        ...
