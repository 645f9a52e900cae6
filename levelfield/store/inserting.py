"""Writing a run or a duel with all that belongs to it, in the caller's transaction: whoever records or imports one comes by here."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Table, insert

from levelfield.step_summary import BLOCK_COLUMNS, StepSummary
from levelfield.store.tables import blocks, duels, runs, step_summaries

Parts = Mapping[Table, Sequence[Mapping[str, Any]]]
_ADD_RUN = insert(runs).returning(runs.c.id)
_ADD_DUEL = insert(duels).returning(duels.c.id)


def _summary(parts: Parts) -> dict[str, Any]:
    rows = parts.get(blocks, [])
    return StepSummary.of_columns(**{name: [row[name] for row in rows] for name in BLOCK_COLUMNS}).to_dict()


# What a run's rows say in short, whoever writes them.
DERIVED = {step_summaries: _summary}


def insert_run(connection: Connection, row: Mapping[str, Any], parts: Parts) -> int:
    """Write a row of ``runs``, those of other tables that belong to it, and what is derived of them; return its id.

    No row has an id or ``run_id`` yet.
    """
    run_id = int(connection.execute(_ADD_RUN, row).scalar_one())
    _insert(connection, {**parts, **{table: [of(parts)] for table, of in DERIVED.items()}}, {"run_id": run_id})
    return run_id


def insert_duel(connection: Connection, row: Mapping[str, Any], parts: Parts) -> int:
    """Write a row of ``duels``, and its bursts, and return its id. No row has an id or ``duel_id`` yet."""
    duel_id = int(connection.execute(_ADD_DUEL, row).scalar_one())
    _insert(connection, parts, {"duel_id": duel_id})
    return duel_id


def _insert(connection: Connection, parts: Parts, owner: Mapping[str, int]) -> None:
    for table, rows in parts.items():
        if rows:
            connection.execute(insert(table), [{**owner, **row} for row in rows])
