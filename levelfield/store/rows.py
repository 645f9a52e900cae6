"""Between the records of the core and the rows of the tables."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Table

from levelfield.predictions import Predictions
from levelfield.result import Block, Epoch, Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunKey, RunSpec
from levelfield.store.records import StoredRun, StudyRecord
from levelfield.store.tables import blocks, epochs, predictions

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


def run_parts(result: RunResult) -> dict[Table, list[dict[str, Any]]]:
    """A run's rows in other tables, without its id. ``position`` counts from 0 in the order in which blocks were measured.

    There are no predictions where it was not trained to its end.
    """
    return {
        epochs: [asdict(epoch) for epoch in result.epochs],
        blocks: [{"position": position, **asdict(block)} for position, block in enumerate(result.blocks)],
        predictions: [asdict(result.predictions)] if result.predictions else [],
    }


def to_predictions(found: Sequence[AnyRow]) -> dict[int, Predictions]:
    """Rows of ``predictions`` by run; nothing is unpacked yet."""
    return {row.run_id: Predictions(**_without(row, "run_id")) for row in found}


def to_study(row: AnyRow) -> StudyRecord:
    """A study from its row."""
    return StudyRecord(**row._asdict())


def to_run(row: AnyRow, of_epochs: Sequence[AnyRow], of_blocks: Sequence[AnyRow], predicted: Predictions | None) -> StoredRun:
    """A run from its row, from those of its epochs and blocks, in their order, and its predictions."""
    result = RunResult(
        status=Status(row.status),
        epochs=[Epoch(**_without(epoch, "run_id")) for epoch in of_epochs],
        blocks=[Block(**_without(block, "run_id", "position")) for block in of_blocks],
        failure=Failure(**row.failure) if row.failure else None,
        predictions=predicted,
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


def whole(text: str) -> str:
    """Text without half characters: a path in a message may hold one, but no frame, page or file."""
    return text.encode(errors="replace").decode()


def _without(row: AnyRow, *names: str) -> dict[str, Any]:
    return {name: value for name, value in row._asdict().items() if name not in names}
