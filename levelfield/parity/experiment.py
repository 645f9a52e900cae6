"""What both workers are fed: the same examples, weights, batches and dropout masks, from a seed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from levelfield import workloads
from levelfield.data import Dataset
from levelfield.spec import RunSpec
from levelfield.training import rounded
from levelfield.worker import Masks
from levelfield.workloads.base import Small, Weights, Workload, batch_order
from levelfield.workloads.layers import Dropout, mask_shape

STEPS = 20  # methodology, rule 5
EPOCHS = 2  # each ends with a smaller batch
TEST_EXAMPLES = 64
SHIFT = 0.1
EXACT_STEPS = 3  # momentum shows in the second, what it has gathered in the third


def certified_batch(small: Small, workers: int) -> int:
    """The batch of all workers: each has as many examples as one alone, since what normalises them needs some."""
    return small.batch_size * workers


class Part(StrEnum):
    """The ways in which a step is compared: dropout off, by given masks, and by the worker's own; and the step that runs are timed by."""

    OFF = "dropout off"
    ON = "dropout on"
    DRAWN = "own dropout"
    TIMED = "timed step"


@dataclass(frozen=True)
class Experiment:
    """One side's ``spec`` decides all but the framework: its seed, precision and batch size; ``steps`` optimizer steps in each part."""

    spec: RunSpec
    workload: Workload
    steps: int = STEPS

    @classmethod
    def of(cls, spec: RunSpec, *, steps: int = STEPS) -> Self:
        """That of a spec's workload, where it is too large for a certificate at the size that it declares for one."""
        workload = workloads.get(spec.workload)
        if workload.small is None:
            return cls(spec, workload, steps)
        workload = replace(workload.to_certify(), batch_size=certified_batch(workload.small, spec.workers))
        return cls(replace(spec, batch_size=None, learning_rate=None), workload, steps)

    @property
    def parts(self) -> list[Part]:
        """Those with dropout are left out where the network has none."""
        return [part for part in Part if part not in {Part.ON, Part.DRAWN} or self._dropouts]

    @property
    def batch_size(self) -> int:
        """The spec's, or the workload's own."""
        return self.spec.batch_size or self.workload.batch_size

    @property
    def exact_steps(self) -> int:
        """How many steps of each part are recorded in fp64, too: some where fp32 alone would tell little of gradients (see `Small`)."""
        return min(self.steps, EXACT_STEPS) if self.workload.small and self.spec.precision == "fp32" else 0

    @property
    def per_epoch(self) -> int:
        """The steps of an epoch: never the half batch alone, for then no full one would be seen."""
        return max(2, -(-self.steps // EPOCHS))

    @cached_property
    def examples(self) -> int:
        """So many that every epoch ends with half a batch."""
        return (self.per_epoch - 1) * self.batch_size + max(1, self.batch_size // 2)

    def dataset(self, full: Dataset) -> Dataset:
        """Training examples from the whole range, since files may be sorted by label; raises ValueError where there are too few."""
        if len(full.x_train) < self.examples:
            raise ValueError(f"{self.steps} steps need {self.examples} training examples, {full.name} has {len(full.x_train)}")
        train = np.linspace(0, len(full.x_train) - 1, self.examples).astype(np.int64)
        test = slice(TEST_EXAMPLES)
        x_train, x_test = (self._cropped(x) for x in (full.x_train[train], full.x_test[test]))
        return replace(full, x_train=x_train, y_train=full.y_train[train], x_test=x_test, y_test=full.y_test[test])

    def orders(self) -> Iterator[NDArray[np.int64]]:
        """The order of the examples in each epoch."""
        return (batch_order(self.spec.seed, epoch, self.examples) for epoch in range(EPOCHS))

    def batches(self) -> list[NDArray[np.int64]]:
        """The examples of each step."""
        ends = range(self.batch_size, self.examples, self.batch_size)
        return [batch for order in self.orders() for batch in np.split(order, ends)][: self.steps]

    def masks(self, step: int, batch: int) -> Masks:
        """Which elements each dropout layer keeps in a step."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.spec.seed, 2, step])))
        return {layer.name: rng.random((batch, *shape)) >= layer.rate for layer, shape in self._dropouts}

    def weights(self) -> Weights:
        """A run's initial weights, but those that are constant moved at random: equal ones would hide that two were exchanged."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.spec.seed, 3])))
        exact, constant = self.workload.initial_weights(self.spec.seed), {name for name, p in self.workload.parameters() if not p.limit}
        moves = ((name, SHIFT * (2.0 * rng.random(array.shape) - 1.0)) for name, array in exact.items() if name in constant)
        shifted = {name: exact[name] + move for name, move in moves}
        return rounded({name: shifted.get(name, array) for name, array in exact.items()}, self.spec.precision)

    def perturbed_weights(self, draw: int) -> Weights:
        """`weights`, each moved by one unit in the last place, up or down at random."""
        rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.spec.seed, 4, draw])))
        return {
            name: np.nextafter(array, np.where(rng.random(array.shape) < 0.5, -np.inf, np.inf).astype(array.dtype))
            for name, array in self.weights().items()
        }

    def _cropped(self, x: NDArray[Any]) -> NDArray[Any]:
        """The middle of images that are larger than the workload's at this size."""
        if x.shape[1:] == self.workload.input_shape:
            return x
        height, width = self.workload.input_shape[:2]
        top, left = (x.shape[1] - height) // 2, (x.shape[2] - width) // 2
        return np.ascontiguousarray(x[:, top : top + height, left : left + width])

    @cached_property
    def _dropouts(self) -> list[tuple[Dropout, tuple[int, ...]]]:
        return [(layer, mask_shape(layer, source)) for layer, source, _ in self.workload.shapes() if isinstance(layer, Dropout)]
