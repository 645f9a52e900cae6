"""Bursts: a live worker does training steps for a fraction of a second while the other side of its duel waits, and then waits itself.

What counts are blocks as in training (`levelfield.blocks`), of full batches alone, so that all of them are alike. What is discarded before
them comes in pieces of a few steps: a block may take seconds, and caches, clock frequency and sleeping threads are back long before.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from levelfield.blocks import Plan, require_finite, timed_block
from levelfield.measure.stopwatch import Stopwatch
from levelfield.result import Block
from levelfield.worker import Worker
from levelfield.workloads.base import batch_order

DISCARDED_STEPS = 3  # at least so many, and
DISCARDED_NS = 50_000_000  # at least so long


@dataclass(frozen=True, kw_only=True)
class Burst:
    """What was measured in one burst, without its first steps.

    ``discarded_steps`` and ``discarded_ns`` are the first steps, which do not count. ``cpu_ns``: processor time of the whole process during
    the burst, all of its threads and the discarded steps included; ``idle_cpu_ns``: since the end of its previous burst, over ``idle_ns``,
    which should be next to nothing. ``started_ns``: on the host's monotonic clock.
    ``device_ns``: ``duration_ns`` by the device's own clock, None where nothing tells it.
    """

    steps: int
    samples: int
    duration_ns: int
    discarded_steps: int
    discarded_ns: int
    cpu_ns: int
    idle_cpu_ns: int
    idle_ns: int
    started_ns: int
    device_ns: int | None = None


class Burster:
    """Gives bursts of a worker that is built and has trained, or at least warmed up; ``first_epoch`` is the next epoch that it would do."""

    def __init__(self, worker: Worker, plan: Plan, *, first_epoch: int, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock, self._watch = clock, Stopwatch(clock, {})
        self.worker, self._plan = worker, plan
        self._epoch, self._step = first_epoch - 1, plan.full_steps  # the epoch before is over
        self._left = clock(), time.process_time_ns()

    def burst(self, target_ns: int) -> Burst:
        """Train in whole blocks until those that count have taken ``target_ns``. Raises DivergedError as training does."""
        return self._burst(
            lambda: self._until(DISCARDED_STEPS, least_ns=DISCARDED_NS, least_steps=DISCARDED_STEPS),
            lambda: self._until(self._plan.block_steps, least_ns=target_ns),
        )

    def blocks(self, discarded: int, counted: int) -> Burst:
        """Train in so many blocks, and before them in so many pieces of a few steps that do not count. Raises DivergedError.

        Ranks that each looked at their own clock would not do the same number of steps.
        """
        return self._burst(
            lambda: [self._take(DISCARDED_STEPS) for _ in range(discarded)],
            lambda: [self._take(self._plan.block_steps) for _ in range(counted)],
        )

    def _burst(self, discard: Callable[[], list[Block]], count: Callable[[], list[Block]]) -> Burst:
        started, (left_at, left_cpu) = time.monotonic_ns(), self._left
        idle_ns, cpu = self._clock() - left_at, time.process_time_ns()
        discarded, counted = discard(), count()
        self._left = self._clock(), time.process_time_ns()
        return Burst(
            steps=sum(block.steps for block in counted),
            samples=sum(block.samples for block in counted),
            duration_ns=sum(block.duration_ns for block in counted),
            discarded_steps=sum(block.steps for block in discarded),
            discarded_ns=sum(block.duration_ns for block in discarded),
            cpu_ns=self._left[1] - cpu,
            idle_cpu_ns=cpu - left_cpu,
            idle_ns=idle_ns,
            started_ns=started,
            device_ns=_device_ns(counted),
        )

    def _until(self, size: int, *, least_ns: int, least_steps: int = 1) -> list[Block]:
        """Blocks of ``size`` steps until they hold so many steps and have taken so long."""
        taken: list[Block] = []
        while sum(block.steps for block in taken) < least_steps or sum(block.duration_ns for block in taken) < least_ns:
            taken.append(self._take(size))
        return taken

    def _take(self, steps: int) -> Block:
        """So many steps, or as many as an epoch has; a new epoch begins where fewer are left of this one."""
        steps = min(steps, self._plan.full_steps)
        if self._step + steps > self._plan.full_steps:
            self._epoch, self._step = self._epoch + 1, 0
            self.worker.begin_epoch(batch_order(self._plan.seed, self._epoch, self._plan.examples))
        first, self._step = self._step, self._step + steps
        block, losses = timed_block(self.worker, self._plan, self._epoch, range(first, self._step), self._watch)
        require_finite(losses, self._plan, block)
        return block


def _device_ns(blocks: list[Block]) -> int | None:
    known = [block.device_ns for block in blocks if block.device_ns is not None]
    return sum(known) if len(known) == len(blocks) else None
