"""Bursts: a live worker does training steps for a fraction of a second while the other side of its duel waits, and then waits itself.

The steps are those of training, block by block (`levelfield.blocks`), of full batches alone, so that every block of a burst is alike.
"""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from levelfield.blocks import Plan, epoch_blocks
from levelfield.measure.stopwatch import Stopwatch
from levelfield.result import Block
from levelfield.worker import Worker

DISCARDED_STEPS = 3  # at least so many; caches, clock frequency and sleeping threads are back by then


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
        self._clock = clock
        self._blocks = _endless(worker, plan, Stopwatch(clock, {}), first_epoch)
        self._left = clock(), time.process_time_ns()

    def burst(self, target_ns: int) -> Burst:
        """Train in whole blocks until those that count have taken ``target_ns``. Raises DivergedError as training does."""
        started, (left_at, left_cpu) = time.monotonic_ns(), self._left
        idle_ns, cpu = self._clock() - left_at, time.process_time_ns()
        discarded = self._take(lambda blocks: sum(b.steps for b in blocks) >= DISCARDED_STEPS)
        counted = self._take(lambda blocks: sum(b.duration_ns for b in blocks) >= target_ns)
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

    def _take(self, enough: Callable[[list[Block]], bool]) -> list[Block]:
        taken: list[Block] = []
        while not enough(taken):
            taken.append(next(self._blocks))
        return taken


def _device_ns(blocks: list[Block]) -> int | None:
    known = [block.device_ns for block in blocks if block.device_ns is not None]
    return sum(known) if len(known) == len(blocks) else None


def _endless(worker: Worker, plan: Plan, watch: Stopwatch, first_epoch: int) -> Iterator[Block]:
    for number in itertools.count(first_epoch):
        for block, _ in epoch_blocks(worker, plan, number, watch, steps=plan.alike_steps):
            yield block
