"""A quantity over time: a point for each study and side, or for each two sides, on one kind of run; and which points are stale."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from levelfield.report.aspects import Account
from levelfield.report.compare import ratios
from levelfield.report.model import Side
from levelfield.report.quantities import ACCURACY, PROCESS_MEMORY, SPEED, THROUGHPUT, TIME_TO_TRAIN, Quantity
from levelfield.report.runs import Record, Run
from levelfield.report.titles import read_sides
from levelfield.report.verdicts import Sides, members, question_of
from levelfield.result import Status
from levelfield.spec import Case
from levelfield.stats import describe

Bursts: TypeAlias = Mapping[tuple[str, int, str], Mapping[int, float]]  # by study, pair and side, and by round: examples/s
METRICS = (THROUGHPUT, SPEED, ACCURACY, TIME_TO_TRAIN, PROCESS_MEMORY)  # speed: the ratio of two sides, however the study measures it
TRAINED = ("warmup", "train")  # phases
STALE = (
    "Stale is a result of which a run had another version of its framework, or other code of its worker, than the newest run of that "
    "framework in this store, or whose study ran other sources of Levelfield than the newest study."
)


class PastRun(Protocol):
    """A row of `levelfield.store.history.past_runs`."""

    run_id: int
    study_id: str
    side: str
    framework: str
    mode: str
    seed: int
    pair: int
    status: str
    started_at: datetime
    phases_ns: Mapping[str, int]
    fingerprints: Mapping[str, str]
    throughput: float | None
    accuracy: float | None
    peak_memory: int | None
    shared: bool
    version: str | None
    worker_code: str | None


class NewestOf(Protocol):
    """What a framework's newest run ran with."""

    @property
    def version(self) -> str | None: ...  # noqa: D102
    @property
    def worker_code(self) -> str | None: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Past:
    """All runs of one kind, the studies by id, and what is newest."""

    case: Case
    track: str
    precision: str
    device: str
    runs: Sequence[Any]
    studies: Mapping[str, Record]
    newest: Mapping[str, NewestOf]
    newest_sources: str


@dataclass(frozen=True, kw_only=True)
class Point:
    """One study's value: ``middle`` is the median over ``n`` runs of a side, or the geometric mean of the ratio over ``n`` pairs of two.

    ``low`` and ``high`` are the smallest and largest of them. ``versions`` by framework, of these runs, in the order in which they were
    used. ``stale`` says why it is; empty where it is not.
    """

    study_id: str
    title: str
    at: datetime
    side: str
    name: str
    frameworks: tuple[str, ...]
    mode: str
    middle: float
    low: float
    high: float
    n: int
    versions: Mapping[str, tuple[str, ...]]
    levelfield: str
    stale: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """The first study with another version of something than the study before it."""

    at: datetime
    what: str
    before: str
    after: str


def points(past: Past, quantity: Quantity, bursts: Bursts | None = None) -> list[Point]:
    """By time. A study none of whose runs has a value has no point. Only the ratio of speeds asks for the ``bursts`` of duels."""
    of_study: dict[str, list[Any]] = defaultdict(list)
    for row in past.runs:
        of_study[row.study_id].append(row)
    known = sorted((past.studies[name] for name in of_study if name in past.studies), key=lambda study: study.created_at)
    if quantity is SPEED:
        return [point for study in known for point in _ratios(past, study, of_study[study.id], bursts or {})]
    return [point for study in known for point in _medians(past, study, of_study[study.id], quantity)]


def version_changes(found: Sequence[Point]) -> list[Change]:
    """Where a framework's version, or Levelfield's, is not that of the study before."""
    last: dict[str, str] = {}
    changes = []
    for point in found:
        used = {framework: versions[-1] for framework, versions in point.versions.items() if versions} | {"levelfield": point.levelfield}
        for what, version in used.items():
            if last.setdefault(what, version) != version:
                changes.append(Change(at=point.at, what=what, before=last[what], after=version))
                last[what] = version
    return changes


def _medians(past: Past, study: Record, rows: Sequence[Any], quantity: Quantity) -> Iterable[Point]:
    for side in read_sides(study.study):
        values = [(row, _run(row, past, {}).value(quantity)) for row in rows if row.side == side.label]
        summary = describe([value for _, value in values])
        if summary.median is not None and summary.min is not None and summary.max is not None:
            ends = (summary.median, summary.min, summary.max)
            own = [row for row, value in values if value is not None]
            yield _point(past, study, (side,), own, values=ends, n=summary.n)


def _ratios(past: Past, study: Record, rows: Sequence[Any], bursts: Bursts) -> Iterable[Point]:
    """Over all pairs that are recorded, as the verdict has it; a study that still goes on is judged there at its last look alone."""
    runs = [_run(row, past, bursts.get((row.study_id, row.pair, row.side), {})) for row in rows]
    question = question_of({**study.study, "until_decided": False}, runs)
    for two in question.pairs_of_sides:
        a, b = members(past.case, two, runs, question)
        effect, each = ratios(a, b, question.speed_from)
        if effect.estimate is not None:
            own = [row for row in rows if row.side in {side.label for side in two} and row.pair in each]
            yield _point(past, study, two, own, values=(effect.estimate, min(each.values()), max(each.values())), n=effect.n)


def _point(
    past: Past, study: Record, sides: tuple[Side] | Sides, rows: Sequence[Any], *, values: tuple[float, float, float], n: int
) -> Point:
    frameworks = tuple(dict.fromkeys(side.framework for side in sides))
    versions = {name: _different(row.version for row in rows if row.framework == name) for name in frameworks}
    return Point(
        study_id=study.id,
        title=str(study.study.get("title") or study.name),
        at=study.created_at,
        side=" / ".join(side.label for side in sides),
        name=" / ".join(side.title for side in sides),
        frameworks=frameworks,
        mode=" / ".join(dict.fromkeys(row.mode for row in rows)),
        middle=values[0],
        low=values[1],
        high=values[2],
        n=n,
        versions=versions,
        levelfield=study.levelfield_version,
        stale=tuple(_stale(past, study, rows, frameworks)),
    )


def _stale(past: Past, study: Record, rows: Sequence[Any], frameworks: Iterable[str]) -> Iterable[str]:
    for name in frameworks:
        newest = past.newest.get(name)
        own = [row for row in rows if row.framework == name]
        if newest and newest.version and (others := [one for one in _different(row.version for row in own) if one != newest.version]):
            yield f"{name} {', '.join(others)}; the newest run has {newest.version}"
        if newest and newest.worker_code and {row.worker_code for row in own} - {newest.worker_code, None}:
            yield f"other code of the worker of {name} than in its newest run"
    if study.source_hash != past.newest_sources:
        yield "other sources of Levelfield than in the newest study"


def _different(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _run(row: Any, past: Past, bursts: Mapping[int, float]) -> Run:
    """As the report reads it, with what a metric over time needs."""
    values = {
        THROUGHPUT.name: row.throughput,
        ACCURACY.name: row.accuracy,
        PROCESS_MEMORY.name: row.peak_memory,
        TIME_TO_TRAIN.name: _time_to_train(row.phases_ns),
        SPEED.name: statistics.median(bursts.values()) if bursts else None,
    }
    return Run(
        run_id=row.run_id,
        side=row.side,
        workload=past.case.workload,
        workers=past.case.workers,
        framework=row.framework,
        mode=row.mode,
        precision=past.precision,
        track=past.track,
        device=past.device,
        seed=row.seed,
        pair=row.pair,
        attempt=1,
        latest=True,
        status=Status(row.status),
        values=values,
        failure_reason=None,
        failure_step=None,
        failure_log_tail=None,
        weights_fingerprint=row.fingerprints.get("initial_weights"),
        data_fingerprint=row.fingerprints.get("data"),
        data_source=None,
        worker_code=row.worker_code,
        own_settings=True,
        batch_size=None,
        learning_rate=None,
        account=Account(environment={"cores_shared": bool(row.shared)}),
        bursts=bursts,
        epoch_examples=None,
    )


def _time_to_train(phases_ns: Mapping[str, int]) -> float | None:
    """Seconds of build, warm-up and training steps, as in the report."""
    seconds = {name: ns / 1e9 for name, ns in phases_ns.items()}
    steps = [seconds[name] for name in TRAINED if name in seconds]
    return seconds["build"] + sum(steps) if steps and "build" in seconds else None
