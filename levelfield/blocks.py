"""Training steps in blocks: how a run's steps fall into epochs, and the one place where a worker's steps are timed."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from levelfield.measure.stopwatch import Stopwatch
from levelfield.result import Block
from levelfield.spec import RunSpec
from levelfield.worker import Worker
from levelfield.workloads.base import Workload, batch_order

WARMUP_STEPS = 20  # methodology, rule 4: at least 20 steps are discarded


class DivergedError(Exception):
    """Something is not finite any more. ``step`` counts the optimizer steps from 1 over the whole run."""

    def __init__(self, reason: str, step: int) -> None:
        super().__init__(f"{reason} step {step}")
        self.step = step


def block_steps(workload: Workload, device: str) -> int:
    """How many steps lie between two looks at the clock.

    More on a GPU, where a small network's step takes a millisecond or two and the end of a block half of one: waiting for the device, and
    reading the losses while it has nothing to do (docs/benchmarks/h100.md).
    """
    return workload.block_steps if device == "cpu" else max(workload.block_steps, workload.gpu_block_steps)


class Plan:
    """How a run's steps fall into epochs and blocks."""

    def __init__(self, spec: RunSpec, workload: Workload, examples: int) -> None:
        self.seed = spec.seed
        self.examples = examples
        self.batch_size = spec.batch_size or workload.batch_size
        self.epochs = spec.epochs or workload.epochs
        self.block_steps = block_steps(workload, spec.device)
        self.steps_per_epoch = -(-examples // self.batch_size)
        # The first epoch meets every batch shape, the smaller last one too, so all that is compiled lazily is compiled in it.
        self.warmup_steps = max(WARMUP_STEPS, self.steps_per_epoch if self.epochs > 1 else 0)

    @property
    def full_steps(self) -> int:
        """How many steps of an epoch have a full batch; 1, with a smaller one, where none has."""
        return self.examples // self.batch_size or 1

    @property
    def alike_steps(self) -> int:
        """How many steps of an epoch lie in blocks that are all alike: as many steps in each, and full batches.

        An epoch with fewer full batches than a block holds is one block; one without a full batch is a block of a single smaller batch.
        """
        return self.full_steps // self.block_steps * self.block_steps or self.full_steps

    def is_new_shape(self, epoch: int, first: int, steps: int) -> bool:
        """Whether these steps are the first to hold the smaller last batch."""
        return epoch == 0 and first + steps == self.steps_per_epoch and self.examples % self.batch_size > 0

    def samples(self, first: int, steps: int) -> int:
        """How many examples ``steps`` steps of an epoch hold, beginning with step ``first``."""
        return min((first + steps) * self.batch_size, self.examples) - first * self.batch_size


def epoch_blocks(
    worker: Worker, plan: Plan, number: int, watch: Stopwatch, *, steps: int | None = None
) -> Iterator[tuple[Block, NDArray[np.float64]]]:
    """One epoch, or its first ``steps`` steps, block by block, each with one synchronisation; yields each with its steps' losses.

    Raises DivergedError, after that block has been taken, where a loss is not finite.
    """
    worker.begin_epoch(batch_order(plan.seed, number, plan.examples))
    end = steps or plan.steps_per_epoch
    for first in range(0, end, plan.block_steps):
        block, losses = timed_block(worker, plan, number, range(first, min(first + plan.block_steps, end)), watch)
        yield block, losses
        require_finite(losses, plan, block)


def timed_block(worker: Worker, plan: Plan, number: int, steps: range, watch: Stopwatch) -> tuple[Block, NDArray[np.float64]]:
    """The next steps of epoch ``number``, timed as one, with the loss of each.

    Reading the losses waits for the device, so it is done after the clock has been looked at.
    """
    first, count = steps.start, len(steps)
    steady = number * plan.steps_per_epoch + first >= plan.warmup_steps and not plan.is_new_shape(number, first, count)
    with watch.phase("train" if steady else "warmup") as lap:
        worker.train_steps(count)
        worker.synchronize()
    block = Block(
        epoch=number,
        first_step=first,
        steps=count,
        samples=plan.samples(first, count),
        duration_ns=lap.ns,
        steady=steady,
        device_ns=worker.device_ns(),
    )
    return block, worker.losses()


def require_finite(losses: NDArray[np.float64], plan: Plan, block: Block) -> None:
    """Raises DivergedError at the first of a block's ``losses`` that is not finite."""
    if not np.isfinite(losses).all():
        before = block.epoch * plan.steps_per_epoch + block.first_step
        raise DivergedError("the training loss is not finite at", before + int(np.argmin(np.isfinite(losses))) + 1)
