"""What is asked of a store beside its studies and frames: how long things took, what is new, what workers said of themselves."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from levelfield.result import Status
from levelfield.spec import Case
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import bursts, certificates, duels, runs, step_summaries

Stamp = tuple[int, int, int, int]  # how many runs, the newest, the newest duel, the newest certificate
RECENT = 100  # runs of a kind whose lengths are asked for: machines and versions change, and reading thousands takes a second
NAME = (runs.c.workload, runs.c.workers, runs.c.side, runs.c.seed, runs.c.attempt, runs.c.status)


def run_lengths(store: Store, workloads: Iterable[str]) -> Sequence[AnyRow]:
    """Spec, beginning, end and phases of the runs of these workloads that ended well: of each kind the newest ``RECENT``."""
    kind = (runs.c.workload, runs.c.framework, runs.c.mode, runs.c.precision, runs.c.track, runs.c.device, runs.c.workers)
    newest_first = func.row_number().over(partition_by=kind, order_by=runs.c.id.desc()).label("rank")
    well = runs.c.workload.in_(list(workloads)), runs.c.status == Status.OK.value
    ranked = select(runs.c.id, newest_first).where(*well).subquery()
    columns = runs.c.spec, runs.c.started_at, runs.c.finished_at, runs.c.phases_ns
    return store.read(select(*columns).join(ranked, ranked.c.id == runs.c.id).where(ranked.c.rank <= RECENT))[0]


def duel_lengths(store: Store, workloads: Iterable[str]) -> Sequence[AnyRow]:
    """Workload, workers, beginning, end and number of ``rounds`` of the duels of these workloads that ended well."""
    rounds = select(bursts.c.duel_id, (func.max(bursts.c.round) + 1).label("rounds")).group_by(bursts.c.duel_id).subquery()
    columns = duels.c.workload, duels.c.workers, duels.c.started_at, duels.c.finished_at, rounds.c.rounds
    query = select(*columns).join(rounds, rounds.c.duel_id == duels.c.id)
    return store.read(query.where(duels.c.workload.in_(list(workloads)), duels.c.status == Status.OK.value))[0]


def attempts_by_status(store: Store) -> Mapping[str, Mapping[str, int]]:
    """How many attempts at runs and at duels, the keys, ended with which status, in all studies; every attempt counts."""
    counts = store.read(*(select(table.c.status, func.count()).group_by(table.c.status) for table in (runs, duels)))
    return {kind: {row[0]: row[1] for row in rows} for kind, rows in zip(("run", "duel"), counts, strict=True)}


def newest_run(store: Store, study_id: str) -> int:
    """The id of the last run that was recorded of a study; 0 where there is none."""
    return int(store.read(select(func.coalesce(func.max(runs.c.id), 0)).where(runs.c.study_id == study_id))[0][0][0])


def runs_since(store: Store, study_id: str, run_id: int) -> Sequence[AnyRow]:
    """Name, status and failure of the runs of a study that were recorded after that one, in their order."""
    query = select(runs.c.id, *NAME, runs.c.failure).where(runs.c.study_id == study_id, runs.c.id > run_id)
    return store.read(query.order_by(runs.c.id))[0]


def outcome_of(store: Store, study_id: str, turn: int, since: datetime) -> str | None:
    """The status of the last attempt at a run that ended after ``since``; None where there is none."""
    ended = select(runs.c.status).where(runs.c.study_id == study_id, runs.c.turn == turn, runs.c.finished_at >= since)
    found = store.read(ended.order_by(runs.c.attempt.desc()).limit(1))[0]
    return str(found[0].status) if found else None


def stamps(store: Store) -> Mapping[str, Stamp]:
    """By study what changes whenever a run is added to it, or a duel or a certificate to the store."""
    newest = (select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery() for table in (duels, certificates))
    query = select(runs.c.study_id, func.count(), func.max(runs.c.id), *newest).group_by(runs.c.study_id)
    return {row[0]: (row[1], row[2], row[3], row[4]) for row in store.read(query)[0]}


def failures(store: Store, study_id: str) -> Sequence[AnyRow]:
    """Name and failure of the runs of a study that did not end well."""
    ended = select(*NAME, runs.c.failure).where(runs.c.study_id == study_id, runs.c.status != Status.OK.value)
    return store.read(ended)[0]


def rates(store: Store, case: Case, *, track: str, device: str) -> Sequence[AnyRow]:
    """Framework, mode, precision, spec and steady examples/s of the runs of a case that ended well, in all studies."""
    columns = runs.c.framework, runs.c.mode, runs.c.precision, runs.c.spec, step_summaries.c.steady_rate
    query = select(*columns).join(step_summaries, step_summaries.c.run_id == runs.c.id)
    alike = runs.c.workload == case.workload, runs.c.workers == case.workers, runs.c.track == track, runs.c.device == device
    return store.read(query.where(*alike, runs.c.status == Status.OK.value).order_by(runs.c.id))[0]
