"""Between duels and the rows of their tables."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, select

from levelfield.bursts import Burst
from levelfield.duel import DuelResult, Turn
from levelfield.result import Failure, Status
from levelfield.spec import PlannedDuel
from levelfield.store.inserting import insert_duel
from levelfield.store.records import StoredDuel
from levelfield.store.rows import AnyRow
from levelfield.store.tables import bursts, duels

ORDER = ("duel_id", "position")


def add(
    connection: Connection, study_id: str, planned: PlannedDuel, attempt: int, result: DuelResult, times: tuple[datetime, datetime]
) -> int:
    """Write a finished duel and return its id."""
    row = {
        "study_id": study_id,
        **{name: getattr(planned, name) for name in ("workload", "workers", "seed", "pair")},
        "attempt": attempt,
        "status": result.status.value,
        "started_at": times[0],
        "finished_at": times[1],
        **{name: getattr(result, name) for name in ("target_ns", "members", "evidence")},
        "failure": asdict(result.failure) if result.failure else None,
    }
    return insert_duel(connection, row, {bursts: [_burst_row(at, turn) for at, turn in enumerate(result.turns)]})


def queries(study_id: str) -> tuple[Select[*tuple[Any, ...]], Select[*tuple[Any, ...]]]:
    """The queries for a study's duels and for their bursts, in the order of recording."""
    of_study = duels.c.study_id == study_id
    # Not a join: SQLite would sort what the primary key has in this order already.
    taken = select(bursts).where(bursts.c.duel_id.in_(select(duels.c.id).where(of_study))).order_by(bursts.c.duel_id, bursts.c.position)
    return select(duels).where(of_study).order_by(duels.c.id), taken


def read(found: Sequence[AnyRow], taken: Sequence[AnyRow]) -> list[StoredDuel]:
    """The duels that `queries` found."""
    turns: dict[int, list[Turn]] = defaultdict(list)
    for row in taken:
        values = {name: value for name, value in row._asdict().items() if name not in {*ORDER, "round", "side"}}
        turns[row.duel_id].append(Turn(round=row.round, side=row.side, burst=Burst(**values)))
    return [_stored(row, turns[row.id]) for row in found]


def _stored(row: AnyRow, turns: list[Turn]) -> StoredDuel:
    result = DuelResult(
        status=Status(row.status),
        target_ns=row.target_ns,
        turns=turns,
        members=row.members,
        evidence=row.evidence,
        failure=Failure(**row.failure) if row.failure else None,
    )
    return StoredDuel(
        duel_id=row.id,
        study=row.study_id,
        **{name: getattr(row, name) for name in ("workload", "workers", "seed", "pair", "attempt", "started_at", "finished_at")},
        result=result,
    )


def _burst_row(position: int, turn: Turn) -> dict[str, Any]:
    return {"position": position, "round": turn.round, "side": turn.side, **asdict(turn.burst)}
