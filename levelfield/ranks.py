"""What the ranks of a gang tell, put together: one run's events from those of its ranks, which stand in their order."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from levelfield.bursts import DISCARDED_NS, DISCARDED_STEPS, Burst
from levelfield.predictions import Predictions
from levelfield.result import Block, Epoch, Failure, RunResult, Status

OF_A_RANK = ("wall_ns", "phases_ns", "memory_bytes")
BADNESS = {Status.OK: 0, Status.DIVERGED: 1}  # all others are worse


def joint_epoch(parts: Sequence[Epoch]) -> Epoch:
    """The epoch on the whole test set from those on its shares; it lasts as long as the slowest rank's.

    Raises ValueError where the ranks have not trained alike.
    """
    if len({(part.epoch, part.train_loss) for part in parts}) > 1:
        raise ValueError("these ranks do not train one network: " + ", ".join(f"epoch {p.epoch}, loss {p.train_loss!r}" for p in parts))
    examples = sum(part.test_examples for part in parts)
    return replace(
        parts[0],
        test_loss=sum(part.test_loss * part.test_examples for part in parts) / examples,
        test_correct=sum(part.test_correct for part in parts),
        test_examples=examples,
        train_ns=max(part.train_ns for part in parts),
        evaluate_ns=max(part.evaluate_ns for part in parts),
    )


def joint_result(parts: Sequence[RunResult], *, blamed: int | None = None) -> RunResult:
    """The run's result: the first rank's, whose every step waited for the others', with all that the others add.

    ``environment["ranks"]`` has each rank's host, wall clock, phases and memory; ``memory_bytes`` has the largest of each kind. A gang has
    failed where one of its ranks has, and diverged with the first of them. ``blamed``: the rank whose failure came first, where that is
    known.
    """
    worst = _worst(parts) if blamed is None else blamed
    status = parts[worst].status
    whole = status is Status.OK
    return replace(
        parts[0],
        status=status,
        failure=_named(parts[worst].failure, worst, len(parts)),
        epochs=[joint_epoch(of_ranks) for of_ranks in zip(*(part.epochs for part in parts), strict=False)],
        memory_bytes={kind: max(part.memory_bytes.get(kind, 0) for part in parts) for part in parts for kind in part.memory_bytes},
        environment=parts[0].environment | {"ranks": [_rank(part) for part in parts]},
        predictions=Predictions.join([part.predictions for part in parts if part.predictions]) if whole else None,
    )


def _rank(part: RunResult) -> dict[str, Any]:
    hostname = part.environment.get("hostname")
    return {"hostname": hostname} | {name: getattr(part, name) for name in OF_A_RANK}


def joint_burst(parts: Sequence[Burst]) -> Burst:
    """The gang's burst: as long as the slowest rank's; processor time is that of the busiest rank."""
    device = [part.device_ns for part in parts if part.device_ns is not None]
    return replace(
        max(parts, key=lambda part: part.duration_ns),
        cpu_ns=max(part.cpu_ns for part in parts),
        idle_cpu_ns=max(part.idle_cpu_ns for part in parts),
        device_ns=max(device) if len(device) == len(parts) else None,
    )


class GangBursts:
    """How many blocks each rank does in a burst, which has to be agreed before: from how long the last ones took."""

    def __init__(self, trained: Sequence[Block]) -> None:
        """``trained``: the blocks of the run before; the later half of the largest ones tells how long a block takes."""
        self._steps = max(block.steps for block in trained)
        alike = [block.duration_ns for block in trained if block.steps == self._steps]
        self._block_ns = statistics.median(alike[len(alike) // 2 :])

    def blocks(self, target_ns: int) -> tuple[int, int]:
        """How many pieces to discard, and how many blocks to count so that they take ``target_ns``."""
        piece = min(DISCARDED_STEPS, self._steps)
        discarded = max(DISCARDED_STEPS / piece, DISCARDED_NS / (piece * self._block_ns / self._steps))
        return math.ceil(discarded), max(1, math.ceil(target_ns / self._block_ns))

    def learn(self, burst: Burst) -> None:
        """Of a burst that these numbers gave."""
        self._block_ns = burst.duration_ns * self._steps / burst.steps


def _worst(parts: Sequence[RunResult]) -> int:
    """The rank whose end is the gang's: one that failed, or the one that diverged first."""

    def badness(rank: int) -> tuple[int, int]:
        part = parts[rank]
        step = part.failure.step if part.failure else None
        return BADNESS.get(part.status, len(BADNESS)), -(step or 0)

    return max(range(len(parts)), key=badness)


def _named(failure: Failure | None, rank: int, size: int) -> Failure | None:
    return failure and replace(failure, reason=f"rank {rank} of {size}: {failure.reason}")
