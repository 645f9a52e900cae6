"""What the runs of all studies on the same thing measured, and with which versions: for a metric over time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func, select

from levelfield.store import derived
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import bursts, duels, runs, step_summaries


@dataclass(frozen=True, kw_only=True, order=True)
class Kind:
    """What runs must have in common for their figures to be set against each other over time."""

    workload: str
    workers: int
    track: str
    precision: str
    device: str


@dataclass(frozen=True, kw_only=True)
class Newest:
    """What a framework's newest run in the store that tells it ran with; None where no run of it tells."""

    version: str | None
    worker_code: str | None


def kinds(store: Store) -> dict[Kind, int]:
    """Every kind of which there are runs, with the number of its studies, those with the most studies first."""
    columns = [runs.c[name] for name in Kind.__dataclass_fields__]
    number = func.count(runs.c.study_id.distinct())
    found = store.read(select(*columns, number).group_by(*columns))[0]
    ordered = sorted(found, key=lambda row: (-row[-1], tuple(row[:-1])))
    return {Kind(**dict(zip(Kind.__dataclass_fields__, row[:-1], strict=True))): row[-1] for row in ordered}


def past_runs(store: Store, kind: Kind) -> Sequence[AnyRow]:
    """The latest attempt at each run of a kind, in the order of recording: what it measured, as stored, and what it ran with.

    ``throughput``, ``accuracy`` and ``peak_memory`` are those of `levelfield.store.derived`. ``version`` and ``worker_code`` are None
    where it does not tell; ``shared``: its ranks shared cores.
    """
    rank = func.row_number().over(partition_by=(runs.c.study_id, runs.c.spec_hash, runs.c.side), order_by=runs.c.attempt.desc())
    ranked = select(runs.c.id, rank.label("rank")).where(*_of_kind(runs, kind)).subquery()
    query = (
        select(
            runs.c.id.label("run_id"),
            *(runs.c[name] for name in _READ),
            derived.throughput().label("throughput"),
            derived.accuracy().label("accuracy"),
            derived.peak_memory().label("peak_memory"),
            derived.shares_cores().label("shared"),
            derived.text_of(runs.c.description, "version").label("version"),
            derived.text_of(runs.c.environment, "worker_code").label("worker_code"),
        )
        .join_from(ranked, runs, runs.c.id == ranked.c.id)
        .join(step_summaries, step_summaries.c.run_id == runs.c.id)
        .where(ranked.c.rank == 1)
    )
    return store.read(query.order_by(runs.c.id))[0]


def past_bursts(store: Store, kind: Kind) -> Sequence[AnyRow]:
    """Study, pair, side, round, samples and duration of the bursts of each pair's last duel, where its timing counts.

    Duels do not say track, precision and device; those of studies with runs of the kind are meant.
    """
    last = select(func.max(duels.c.id)).where(duels.c.workload == kind.workload, duels.c.workers == kind.workers)
    last = last.group_by(duels.c.study_id, duels.c.pair)
    of_kind = select(runs.c.study_id).where(*_of_kind(runs, kind))
    columns = (bursts.c.side, bursts.c.round, bursts.c.samples, bursts.c.duration_ns)
    query = select(duels.c.study_id, duels.c.pair, *columns).join_from(bursts, duels, duels.c.id == bursts.c.duel_id)
    return store.read(query.where(duels.c.id.in_(last), duels.c.status.in_(derived.TIMED), duels.c.study_id.in_(of_kind)))[0]


def newest(store: Store) -> Mapping[str, Newest]:
    """By framework, what its newest run that tells its worker's code and version ran with."""
    frameworks = [row[0] for row in store.read(select(runs.c.framework).distinct())[0]]
    version, code = derived.text_of(runs.c.description, "version"), derived.text_of(runs.c.environment, "worker_code")
    told = select(version, code).where(version.is_not(None), code.is_not(None)).order_by(runs.c.started_at.desc(), runs.c.id.desc())
    found = store.read(*(told.where(runs.c.framework == name).limit(1) for name in frameworks))
    return {name: Newest(version=row[0][0], worker_code=row[0][1]) for name, row in zip(frameworks, found, strict=True) if row}


_READ = ("study_id", "side", "framework", "mode", "seed", "pair", "status", "started_at", "phases_ns", "fingerprints")


def _of_kind(table: Any, kind: Kind) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in vars(kind).items()]
