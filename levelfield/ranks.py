"""What the ranks of a gang tell, put together: one run's events from those of its ranks, which stand in their order."""

from collections.abc import Sequence
from dataclasses import replace

from levelfield.predictions import Predictions
from levelfield.result import Epoch, Failure, RunResult, Status

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


def joint_result(parts: Sequence[RunResult]) -> RunResult:
    """The run's result: the first rank's, whose every step waited for the others', with all that the others add.

    ``environment["ranks"]`` has each rank's wall clock, phases and memory; ``memory_bytes`` has the largest of each kind. A gang has failed
    where one of its ranks has, and diverged with the first of them.
    """
    worst = _worst(parts)
    status = parts[worst].status
    whole = status is Status.OK
    return replace(
        parts[0],
        status=status,
        failure=_named(parts[worst].failure, worst, len(parts)),
        epochs=[joint_epoch(of_ranks) for of_ranks in zip(*(part.epochs for part in parts), strict=False)],
        memory_bytes={kind: max(part.memory_bytes.get(kind, 0) for part in parts) for part in parts for kind in part.memory_bytes},
        environment=parts[0].environment | {"ranks": [{name: getattr(part, name) for name in OF_A_RANK} for part in parts]},
        predictions=Predictions.join([part.predictions for part in parts if part.predictions]) if whole else None,
    )


def _worst(parts: Sequence[RunResult]) -> int:
    """The rank whose end is the gang's: one that failed, or the one that diverged first."""

    def badness(rank: int) -> tuple[int, int]:
        part = parts[rank]
        step = part.failure.step if part.failure else None
        return BADNESS.get(part.status, len(BADNESS)), -(step or 0)

    return max(range(len(parts)), key=badness)


def _named(failure: Failure | None, rank: int, size: int) -> Failure | None:
    return failure and replace(failure, reason=f"rank {rank} of {size}: {failure.reason}")
