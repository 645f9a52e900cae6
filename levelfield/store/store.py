"""The store: studies, their finished runs, and parity certificates. What is written is never changed; only leases come and go."""

import difflib
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, Select, Table, delete, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from levelfield.duel import DuelResult
from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.result import RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey
from levelfield.store import certified, dueling, rows, schema
from levelfield.store.address import parse, shown
from levelfield.store.engine import FLEETING, LOCKS_AT_ONCE, make_engine, reaching
from levelfield.store.inserting import insert_run
from levelfield.store.records import AlreadyThereError, StoredDuel, StoredRun, StoreError, StudyRecord
from levelfield.store.tables import blocks, certificates, duels, epochs, predictions, requests, runs, studies

AT_ONCE = 500  # ids in a query; databases have a limit


class Store:
    """An open store; every method raises StoreError where the database cannot be reached. A context manager, which closes it."""

    def __init__(self, engine: Engine, url: URL) -> None:
        self._engine = engine
        self._url = url
        self.name = shown(url)

    @classmethod
    def open(cls, url_or_path: str, *, read_only: bool = False, as_it_is: bool = False) -> Self:
        """Open a SQLite file or a PostgreSQL database.

        For writing, a missing file is made and the schema brought up to date, unless it is to be taken ``as_it_is``; read-only, nothing is
        written at all. Raises StoreError where the store cannot be reached, was written by a newer Levelfield or, read-only or as it is,
        is missing or has an older schema.
        """
        url = parse(url_or_path)
        is_given = read_only or as_it_is
        if is_given and url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
            raise StoreError(f"there is no store {shown(url)} yet; `levelfield run STUDY` makes it")
        with reaching(url):
            store = cls(make_engine(url, read_only=read_only), url)
            try:
                (schema.check if is_given else schema.migrate)(store._engine, store.name)
            except BaseException:
                store.close()
                raise
        return store

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def add_study(self, record: StudyRecord) -> None:
        """Raises StoreError when there is a study of that id already."""
        try:
            with self._transaction() as connection:
                connection.execute(insert(studies), vars(record))
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                raise AlreadyThereError(f"there is a study {record.id} in {self.name} already") from error
            raise

    def studies(self) -> list[StudyRecord]:
        """All studies, newest first."""
        with self._transaction() as connection:
            found = connection.execute(select(studies).order_by(studies.c.created_at.desc(), studies.c.id.desc()))
            return [rows.to_study(row) for row in found]

    def study(self, name: str) -> StudyRecord:
        """The study of that id, or whose id alone begins with it, or the newest for "latest".

        Raises StoreError that names the nearest match where there is none, or the candidates where there are several.
        """
        known = {study.id: study for study in self.studies()}
        if not known:
            raise StoreError(f"there are no studies in {self.name} yet; `levelfield run STUDY` adds one")
        if name in known:
            return known[name]
        if name == "latest":
            return next(iter(known.values()))
        matches = [study_id for study_id in known if study_id.startswith(name)]
        if len(matches) == 1:
            return known[matches[0]]
        raise StoreError(_not_one_study(name, matches, list(known)))

    def record(self, key: RunKey, planned: PlannedRun, result: RunResult, *, started_at: datetime, finished_at: datetime) -> int:
        """Write a finished run, all of it or nothing, and return its id.

        Both times need a time zone. Raises AlreadyThereError when the key is there already, StoreError when its study is not, and
        ValueError when the key is not that of the planned run.
        """
        if (key.spec_hash, key.side) != (planned.spec.hash, planned.side):
            raise ValueError(f"the key {key} is not that of the planned run {planned.side}/{planned.spec.hash}")
        row = rows.run_row(key, planned, result, started_at=started_at, finished_at=finished_at)
        try:
            with self._transaction() as connection:
                run_id = insert_run(connection, row, rows.run_parts(result))
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError) and (refusal := self._refusal(key)):
                raise refusal from error
            raise
        return run_id

    def record_duel(
        self, study_id: str, planned: PlannedDuel, attempt: int, result: DuelResult, *, started_at: datetime, finished_at: datetime
    ) -> int:
        """Write a finished duel, all of it or nothing, and return its id.

        Both times need a time zone. Raises AlreadyThereError where that attempt is there already, StoreError where its study is not.
        """
        try:
            with self._transaction() as connection:
                return dueling.add(connection, study_id, planned, attempt, result, (started_at, finished_at))
        except StoreError as error:
            if isinstance(error.__cause__, IntegrityError):
                named = f"the duel {study_id}, {planned.workload}, pair {planned.pair}, attempt {attempt}"
                if study_id not in {study.id for study in self.studies()}:
                    raise StoreError(f"{named} belongs to no study in {self.name}") from error
                if attempt in {number for number, _ in self.duel_attempts(study_id).get((planned.workload, planned.pair), [])}:
                    raise AlreadyThereError(f"{named} is in {self.name} already, and a finished duel is never changed") from error
            raise

    def duels(self, study_id: str) -> list[StoredDuel]:
        """The study's duels with all their bursts, in the order of recording."""
        return dueling.read(*self.read(*dueling.queries(study_id)))

    def duel_attempts(self, study_id: str) -> dict[tuple[str, int], list[tuple[int, Status]]]:
        """The recorded attempts at each duel, by (workload, pair): (attempt, status), sorted by attempt."""
        found: dict[tuple[str, int], list[tuple[int, Status]]] = defaultdict(list)
        columns = (duels.c.workload, duels.c.pair, duels.c.attempt, duels.c.status)
        for row in self.read(select(*columns).where(duels.c.study_id == study_id).order_by(duels.c.attempt))[0]:
            found[row.workload, row.pair].append((row.attempt, Status(row.status)))
        return dict(found)

    def add_certificate(self, certificate: Certificate) -> int:
        """Write a parity certificate, passed or failed, and return its id."""
        with self._transaction() as connection:
            added = insert(certificates).values(**certified.row(certificate)).returning(certificates.c.id)
            return int(connection.execute(added).scalar_one())

    def certificates(self, workload: str | None = None) -> list[Certificate]:
        """All certificates, or those of a workload, newest first."""
        with self._transaction() as connection:
            return certified.read(connection.execute(certified.select_all([workload] if workload else None)).all())

    def attempts(self, study_id: str) -> dict[tuple[str, str], list[tuple[int, Status]]]:
        """The recorded attempts, by (spec_hash, side): (attempt, status), sorted by attempt."""
        columns = (runs.c.spec_hash, runs.c.side, runs.c.attempt, runs.c.status)
        found: dict[tuple[str, str], list[tuple[int, Status]]] = defaultdict(list)
        with self._transaction() as connection:
            for row in connection.execute(select(*columns).where(runs.c.study_id == study_id).order_by(runs.c.attempt)):
                found[row.spec_hash, row.side].append((row.attempt, Status(row.status)))
        return dict(found)

    def runs(self, study_id: str) -> list[StoredRun]:
        """The study's runs with everything that they left behind, in the order of recording."""
        with self._transaction() as connection:
            found = connection.execute(select(runs).where(runs.c.study_id == study_id).order_by(runs.c.id)).all()
            epochs_of = _by_run(connection, epochs, study_id)
            blocks_of = _by_run(connection, blocks, study_id)
            predicted = rows.to_predictions(connection.execute(_of_study(predictions, study_id)).all())
        return [rows.to_run(row, epochs_of[row.id], blocks_of[row.id], predicted.get(row.id)) for row in found]

    def predictions(self, study_id: str, run_ids: Collection[int] | None = None) -> dict[int, Predictions]:
        """What the network of each of the study's runs took the test examples for, by run id; a run without any has no entry.

        With ``run_ids`` of these runs alone.
        """
        query = _of_study(predictions, study_id)
        if run_ids is None:
            return rows.to_predictions(self.read(query)[0])
        wanted = sorted(run_ids)
        parts = [wanted[at : at + AT_ONCE] for at in range(0, len(wanted), AT_ONCE)]
        found = self.read(*(query.where(predictions.c.run_id.in_(part)) for part in parts))
        return rows.to_predictions([row for part in found for row in part])

    def run(self, run_id: int) -> StoredRun:
        """The run of that id. Raises StoreError that says which there are where there is none."""
        with self._transaction() as connection:
            study_id = connection.scalar(select(runs.c.study_id).where(runs.c.id == run_id))
            number, first, last = connection.execute(select(func.count(), func.min(runs.c.id), func.max(runs.c.id))).one()
        if study_id is None:
            known = (
                f"its {number} runs have ids from {first} to {last}; `levelfield runs STUDY` lists a study's"
                if number
                else "it has none yet"
            )
            raise StoreError(f"there is no run {run_id} in {self.name}: {known}")
        return next(run for run in self.runs(study_id) if run.run_id == run_id)

    def delete_study(self, study_id: str) -> None:
        """Remove a study with its runs, its duels and the requests for it; certificates stay, for others use them, too."""
        with self._transaction() as connection:
            connection.execute(delete(requests).where(requests.c.study_id == study_id))
            connection.execute(delete(studies).where(studies.c.id == study_id))

    def delete_run(self, run_id: int) -> None:
        """Remove a run with everything that it left behind."""
        with self._transaction() as connection:
            connection.execute(delete(runs).where(runs.c.id == run_id))

    def counts(self) -> dict[str, dict[Status, int]]:
        """For every study, how many (spec_hash, side) stand at which status after their latest attempt."""
        newest_first = func.row_number().over(partition_by=(runs.c.study_id, runs.c.spec_hash, runs.c.side), order_by=runs.c.attempt.desc())
        ranked = select(runs.c.study_id, runs.c.status, newest_first.label("rank")).subquery()
        query = select(ranked.c.study_id, ranked.c.status, func.count().label("number")).where(ranked.c.rank == 1)
        with self._transaction() as connection:
            found: dict[str, dict[Status, int]] = {study_id: {} for study_id in connection.scalars(select(studies.c.id))}
            for row in connection.execute(query.group_by(ranked.c.study_id, ranked.c.status)):
                found[row.study_id][Status(row.status)] = row.number
        return found

    def read(self, *queries: Select[*tuple[Any, ...]]) -> list[Sequence[rows.AnyRow]]:
        """The rows of each query; in a store that is open read-only, all as of one moment."""
        with self._transaction() as connection:
            return [connection.execute(query).all() for query in queries]

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction for queries whose rows are too many to be read at once, as `read` reads them."""
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def locking(self, *tables: Table, lasting: bool = False) -> Iterator[Connection]:
        """A transaction that may write at once, and beside which nobody else changes ``tables``: others wait.

        For leases and requests, which a machine that stops takes with it, unless what is written is ``lasting``.
        """
        options = {LOCKS_AT_ONCE: True, FLEETING: not lasting}
        with reaching(self._url), self._engine.execution_options(**options).begin() as connection:
            if tables and connection.dialect.name == "postgresql":
                # In conflict with itself and with every change, not with reading.
                connection.execute(text(f"LOCK TABLE {', '.join(table.name for table in tables)} IN SHARE ROW EXCLUSIVE MODE"))
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with reaching(self._url), self._engine.begin() as connection:
            yield connection

    def _refusal(self, key: RunKey) -> StoreError | None:
        """Why a run was refused, in the store's own words: a server's may be in any language."""
        if key.study not in {study.id for study in self.studies()}:
            return StoreError(f"the run {key} belongs to no study in {self.name}")
        if key.attempt in {attempt for attempt, _ in self.attempts(key.study).get((key.spec_hash, key.side), [])}:
            return AlreadyThereError(f"the run {key} is in {self.name} already, and a finished run is never changed")
        return None


def _by_run(connection: Connection, table: Table, study_id: str) -> dict[int, list[rows.AnyRow]]:
    """All rows of a study in ``table``, by run and in their order."""
    found: dict[int, list[rows.AnyRow]] = defaultdict(list)
    for row in connection.execute(_of_study(table, study_id)).all():
        found[row.run_id].append(row)
    return found


def _of_study(table: Table, study_id: str) -> Select[*tuple[Any, ...]]:
    query = select(table).join(runs, runs.c.id == table.c.run_id).where(runs.c.study_id == study_id)
    return query.order_by(*table.primary_key.columns)


def _not_one_study(name: str, matches: list[str], known: list[str]) -> str:
    if matches:
        return f"{name!r} is the beginning of {len(matches)} studies: {', '.join(matches[:5])}{', ...' if len(matches) > 5 else ''}"
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"there is no study {name!r}; did you mean {near[0]!r}?"
