"""Writes made-up studies fast, for `bench/ui_store.py`: many rows at a time, which the store itself never does."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, Table, insert, text

from bench.ui_store_runs import MadeRun, MadeStudy
from levelfield.step_summary import BLOCK_COLUMNS, StepSummary
from levelfield.store import Store, dueling, rows
from levelfield.store.address import parse
from levelfield.store.engine import make_engine
from levelfield.store.tables import runs, step_summaries, studies

COLUMNS = ("run_id", "position", "epoch", "first_step", "steps", "samples", "duration_ns", "steady")


class Writer:
    """Into a store that is made, or brought up to date, when it is opened. It must hold no runs."""

    def __init__(self, url: str) -> None:
        Store.open(url).close()
        self._engine = make_engine(parse(url), read_only=False)
        self._last = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None) -> None:
        if kind is None and self._engine.dialect.name == "postgresql":
            with self._engine.begin() as connection:
                connection.execute(text("SELECT setval(pg_get_serial_sequence('runs', 'id'), (SELECT max(id) FROM runs))"))
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        self._engine.dispose()

    def add(self, study: MadeStudy) -> None:
        """All of a study, in one transaction."""
        ids = range(self._last + 1, self._last + 1 + len(study.runs))
        self._last += len(study.runs)
        with self._engine.begin() as connection:
            connection.execute(insert(studies), vars(study.record))
            connection.execute(insert(runs), [_run(run_id, made) for run_id, made in zip(ids, study.runs, strict=True)])
            for run_id, made in zip(ids, study.runs, strict=True):
                _blocks(connection, run_id, made)
            for table, parts in _parts(ids, study.runs).items():
                if parts:
                    connection.execute(insert(table), parts)
            for planned, result, at in study.duels:
                dueling.add(connection, study.record.id, planned, 1, result, (at, at))


def _run(run_id: int, made: MadeRun) -> dict[str, Any]:
    row = rows.run_row(made.key, made.planned, made.result, started_at=made.started_at, finished_at=made.finished_at)
    return {"id": run_id, **row}


def _parts(ids: Iterable[int], made: Sequence[MadeRun]) -> dict[Table, list[dict[str, Any]]]:
    """Everything but the blocks, by table."""
    found: dict[Table, list[dict[str, Any]]] = defaultdict(list)
    for run_id, run in zip(ids, made, strict=True):
        summary = StepSummary.of_columns(**{name: run.blocks[name] for name in BLOCK_COLUMNS})
        for table, own in (rows.run_parts(run.result) | {step_summaries: [summary.to_dict()]}).items():
            found[table] += [{"run_id": run_id, **row} for row in own]
    return found


def _blocks(connection: Connection, run_id: int, made: MadeRun) -> None:
    number = len(made.blocks["epoch"])
    found = list(zip([run_id] * number, range(number), *(made.blocks[name] for name in COLUMNS[2:]), strict=True))
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"INSERT INTO blocks ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})", found)
        return
    with connection.connection.cursor() as cursor, cursor.copy(f"COPY blocks ({', '.join(COLUMNS)}) FROM STDIN") as copy:
        copy.write("".join("\t".join(map(str, row)) + "\n" for row in found))
