"""Between the records of the core and the rows of the tables."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from levelfield.predictions import Predictions
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.step_summary import StepSummary
from levelfield.store.records import StoredRun, StudyRecord

SPEC_COLUMNS = ("workload", "framework", "mode", "precision", "track", "seed", "device", "workers")
RESULT_COLUMNS = ("wall_ns", "phases_ns", "memory_bytes", "fingerprints", "environment", "description", "step_losses")

AnyRow = Row[*tuple[Any, ...]]


def run_row(key: RunKey, planned: PlannedRun, result: RunResult, *, started_at: datetime, finished_at: datetime) -> dict[str, Any]:
    """A run as a row of ``runs``, without its id."""
    return {
        "study_id": key.study,
        "spec_hash": key.spec_hash,
        "side": key.side,
        "attempt": key.attempt,
        "pair": planned.pair,
        "turn": planned.turn,
        **{name: getattr(planned.spec, name) for name in SPEC_COLUMNS},
        "spec": planned.spec.to_dict(),
        "status": result.status.value,
        "started_at": started_at,
        "finished_at": finished_at,
        **{name: getattr(result, name) for name in RESULT_COLUMNS},
        "failure": asdict(result.failure) if result.failure else None,
    }


def epoch_rows(run_id: int, result: RunResult) -> list[dict[str, Any]]:
    """A run's rows of ``epochs``."""
    return [{"run_id": run_id, **asdict(epoch)} for epoch in result.epochs]


def block_rows(run_id: int, result: RunResult) -> list[dict[str, Any]]:
    """A run's rows of ``blocks``; ``position`` counts from 0 in the order in which they were measured."""
    return [{"run_id": run_id, "position": position, **asdict(block)} for position, block in enumerate(result.blocks)]


def summary_rows(run_id: int, result: RunResult) -> list[dict[str, Any]]:
    """A run's row of ``step_summaries``, also where it has no blocks."""
    return [{"run_id": run_id, **StepSummary.of(result.blocks).to_dict()}]


def prediction_rows(run_id: int, result: RunResult) -> list[dict[str, Any]]:
    """A run's row of ``predictions``; none where it was not trained to its end."""
    return [{"run_id": run_id, **asdict(result.predictions)}] if result.predictions else []


def to_predictions(found: Sequence[AnyRow]) -> dict[int, Predictions]:
    """Rows of ``predictions`` by run; nothing is unpacked yet."""
    return {row.run_id: Predictions(**_without(row, "run_id")) for row in found}


def to_study(row: AnyRow) -> StudyRecord:
    """A study from its row."""
    return StudyRecord(**row._asdict())


def to_run(row: AnyRow, epochs: Sequence[AnyRow], blocks: Sequence[AnyRow], predictions: Predictions | None) -> StoredRun:
    """A run from its row, from those of its epochs and blocks, in their order, and its predictions."""
    result = RunResult(
        status=Status(row.status),
        epochs=[Epoch(**_without(epoch, "run_id")) for epoch in epochs],
        blocks=[Block(**_without(block, "run_id", "position")) for block in blocks],
        failure=Failure(**row.failure) if row.failure else None,
        predictions=predictions,
        **{name: getattr(row, name) for name in RESULT_COLUMNS},
    )
    return StoredRun(
        key=RunKey(study=row.study_id, spec_hash=row.spec_hash, side=row.side, attempt=row.attempt),
        run_id=row.id,
        planned=PlannedRun(spec=RunSpec.from_dict(row.spec), side=row.side, pair=row.pair, turn=row.turn),
        result=result,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )


def _without(row: AnyRow, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in names}
