"""The runs of all studies, as a reader browses them: filtered, counted, sorted and cut into pages by the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from levelfield.result import STATUSES, Status
from levelfield.store import derived
from levelfield.store.rows import AnyRow, whole
from levelfield.store.store import Store
from levelfield.store.tables import runs, step_summaries


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which runs are meant: those for which all of it holds; what is empty holds for every run.

    ``sides`` are labels of sides or names of frameworks. ``since`` and ``until`` are the first and the last day (UTC) on which they began.
    """

    studies: tuple[str, ...] = ()
    workloads: tuple[str, ...] = ()
    sides: tuple[str, ...] = ()
    statuses: tuple[str, ...] = ()
    tracks: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What there is to filter by, each in alphabetical order; ``first`` and ``last`` are the days of the oldest and the newest run."""

    workloads: tuple[str, ...]
    sides: tuple[str, ...]
    tracks: tuple[str, ...]
    statuses: tuple[str, ...]
    first: date | None
    last: date | None


class Order(StrEnum):
    """What a page of runs can be sorted by."""

    STARTED = "started"
    STUDY = "study"
    WORKLOAD = "workload"
    SIDE = "side"
    SEED = "seed"
    ATTEMPT = "attempt"
    STATUS = "status"
    WALL = "wall"
    THROUGHPUT = "throughput"
    ACCURACY = "accuracy"
    MEMORY = "memory"


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """A run in short. ``throughput`` in examples/s, ``accuracy`` after the last epoch, ``memory_bytes`` the process's peak.

    They are None where they are missing or, by the run's status, do not count.
    """

    run_id: int
    started_at: datetime
    study_id: str
    workload: str
    workers: int
    track: str
    side: str
    framework: str
    seed: int
    attempt: int
    status: Status
    wall_s: float
    throughput: float | None
    accuracy: float | None
    memory_bytes: int | None


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A run that did not end well, and why."""

    run_id: int
    started_at: datetime
    study_id: str
    workload: str
    workers: int
    side: str
    seed: int
    attempt: int
    status: Status
    reason: str


def choices(store: Store) -> Choices:
    """What the runs of a store can be filtered by."""
    names = (runs.c.workload, runs.c.side, runs.c.framework, runs.c.track, runs.c.status)
    kinds, ends = store.read(select(*names).distinct(), select(func.min(runs.c.started_at), func.max(runs.c.started_at)))
    workloads, sides, frameworks, tracks, statuses = (
        (tuple(sorted(set(column))) for column in zip(*kinds, strict=True)) if kinds else ((),) * 5
    )
    first, last = ((at.date() if at else None) for at in ends[0])
    every = tuple(sorted({*sides, *frameworks}))
    return Choices(workloads=workloads, sides=every, tracks=tracks, statuses=statuses, first=first, last=last)


def count(store: Store, filters: Filters) -> Mapping[Status, int]:
    """How many runs are meant, by status, every attempt counted; a status that none of them has is left out."""
    query = select(runs.c.status, func.count()).where(*_conditions(filters)).group_by(runs.c.status)
    found = {Status(row[0]): int(row[1]) for row in store.read(query)[0]}
    return {status: found[status] for status in Status if status in found}


def page(
    store: Store, filters: Filters, *, order: Order = Order.STARTED, descending: bool = True, first: int = 0, limit: int = 50
) -> list[RunLine]:
    """The runs that are meant from number ``first`` on, counted from 0, at most ``limit``; what has no value to sort by comes last."""
    key = _KEYS[order]
    by = (key.desc() if descending else key.asc()).nulls_last()
    # The ids come first: what else is shown of a run is read of the rows on the page alone.
    chosen = select(runs.c.id).join_from(runs, step_summaries) if order is Order.THROUGHPUT else select(runs.c.id)
    chosen = chosen.where(*_conditions(filters)).order_by(by, runs.c.id.desc()).limit(limit).offset(first)
    ids = [row.id for row in store.read(chosen)[0]]
    found = {row.run_id: _line(row) for row in store.read(_LINES.where(runs.c.id.in_(ids)))[0]}
    return [found[run_id] for run_id in ids if run_id in found]


def lines(store: Store, run_ids: Sequence[int]) -> list[RunLine]:
    """These runs in the order of their ids; one that is not there is left out."""
    return [_line(row) for row in store.read(_LINES.where(runs.c.id.in_(run_ids)).order_by(runs.c.id))[0]]


def troubles(store: Store, filters: Filters, *, limit: int = 100) -> list[Trouble]:
    """Those of the runs that did not end well, the newest first, at most ``limit``."""
    query = select(runs.c.id.label("run_id"), *(runs.c[name] for name in _TROUBLE), runs.c.failure)
    query = query.where(*_conditions(filters), runs.c.status != Status.OK.value)
    return [_trouble(row) for row in store.read(query.order_by(runs.c.started_at.desc(), runs.c.id.desc()).limit(limit))[0]]


_LINE = ("started_at", "study_id", "workload", "workers", "track", "side", "framework", "seed", "attempt")
_TROUBLE = ("started_at", "study_id", "workload", "workers", "side", "seed", "attempt", "status")


def _conditions(filters: Filters) -> list[ColumnElement[bool]]:
    listed = {"study_id": filters.studies, "workload": filters.workloads, "status": filters.statuses, "track": filters.tracks}
    found: list[ColumnElement[bool]] = [runs.c[name].in_(values) for name, values in listed.items() if values]
    if filters.sides:
        found.append(or_(runs.c.side.in_(filters.sides), runs.c.framework.in_(filters.sides)))
    if filters.since:
        found.append(runs.c.started_at >= _midnight(filters.since))
    if filters.until:
        found.append(runs.c.started_at < _midnight(filters.until + timedelta(days=1)))
    return found


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


_KEYS: Mapping[Order, derived.Expression] = {
    Order.STARTED: runs.c.started_at,
    Order.STUDY: runs.c.study_id,
    Order.WORKLOAD: runs.c.workload,
    Order.SIDE: runs.c.side,
    Order.SEED: runs.c.seed,
    Order.ATTEMPT: runs.c.attempt,
    Order.STATUS: runs.c.status,
    Order.WALL: runs.c.wall_ns,
    Order.THROUGHPUT: derived.throughput(),
    Order.ACCURACY: derived.accuracy(),
    Order.MEMORY: derived.peak_memory(),
}
_LINES: Select[*tuple[Any, ...]] = select(
    runs.c.id.label("run_id"),
    *(runs.c[name] for name in _LINE),
    runs.c.status,
    runs.c.wall_ns,
    derived.throughput().label("throughput"),
    derived.accuracy().label("accuracy"),
    derived.peak_memory().label("memory_bytes"),
).join_from(runs, step_summaries)


def _line(row: AnyRow) -> RunLine:
    return RunLine(
        run_id=row.run_id,
        **{name: getattr(row, name) for name in _LINE},
        status=Status(row.status),
        wall_s=row.wall_ns / 1e9,
        **{name: getattr(row, name) for name in ("throughput", "accuracy", "memory_bytes")},
    )


def _trouble(row: AnyRow) -> Trouble:
    status = Status(row.status)
    values = {name: getattr(row, name) for name in ("run_id", *_TROUBLE) if name != "status"}
    return Trouble(**values, status=status, reason=whole((row.failure or {}).get("reason") or STATUSES[status].meaning))
