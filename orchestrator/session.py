"""One `levelfield run` or `resume` from the checked study to its recorded runs."""

import os
import secrets
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

import levelfield
from levelfield import data, workloads
from levelfield.measure.environment import source_hash
from levelfield.result import Status
from levelfield.services import Service
from levelfield.spec import Case, RunSpec
from levelfield.store import Store, StudyRecord
from levelfield.store.address import parse, shown
from levelfield.study import Study, check_study
from orchestrator.certificates import certify_study
from orchestrator.connect import UsageError, check_before_start, cluster, interruptible, places_of
from orchestrator.leases import Lessor, Places
from orchestrator.locks import exclusive, measuring
from orchestrator.looks import is_decided, stages, work_until_decided
from orchestrator.nodes import ClusterError
from orchestrator.plan import PairWork, pending, plan
from orchestrator.progress import LiveProgress, WaitingLines
from orchestrator.raylets import raylets
from orchestrator.schedule import Scheduler
from orchestrator.seats import NoSeatError
from orchestrator.watch import Blind, ClusterWatch, Watcher

if TYPE_CHECKING:
    from orchestrator.places import ClusterPlaces


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a run needs from the command line."""

    services: dict[str, Service]
    results: Path
    store_url: str
    address: str | None
    console: Console
    certify: bool = True
    gate: bool = True


def new_record(study: Study) -> StudyRecord:
    """A new study with an id of its own and a random order for its runs; not stored yet."""
    seed = secrets.randbelow(2**31)
    now = datetime.now(UTC)
    return StudyRecord(
        id=f"{study.name}-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
        name=study.name,
        created_at=now,
        study=study.model_dump(mode="json"),
        plan_seed=seed,
        planned_runs=len(plan(study, seed)),
        levelfield_version=levelfield.__version__,
        source_hash=source_hash(),
    )


def execute(session: Session, record: StudyRecord, *, is_new: bool) -> list[Status]:
    """Run what is not done yet of a study, which is stored first if it is new. Returns how each of these runs ended.

    Raises StudyError, UsageError, DataError, StoreError or ClusterError where it cannot be done; a new study is not stored then.
    """
    study = check_study(record.study, session.services, source=f"study {record.id}")
    needed = [session.services[name] for name in dict.fromkeys(side.framework for side in study.frameworks)]
    check_before_start(session.address, needed, session.results)
    for name in study.workloads:
        data.load(workloads.get(name).dataset)
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        store = stack.enter_context(Store.open(session.store_url))
        _lock(session, record, stack)
        todo = list(pending(study, record.plan_seed, store.attempts(record.id), store.duel_attempts(record.id)))
        if not todo or (not is_new and is_decided(study, record.id, session.store_url)):
            return []
        session.console.print(f"[bold]{escape(study.title or study.name)}[/]  [dim]study {record.id}: {_amount(todo)}[/]")
        lessor = Lessor(store=store, study_id=record.id, waiting=WaitingLines(session.console))
        places = cache(partial(places_of, session.address, study.shares))
        if session.address:  # the watch can have seen its second by the time that the cluster has been joined
            watcher = stack.enter_context(_watch(session, places))
            stack.enter_context(cluster(session.address, needed, session.console))
        else:
            stack.enter_context(cluster(None, needed, session.console, lessor))
            watcher = stack.enter_context(_watch(session, places))
        if is_new:
            check_places(study, places())
            store.add_study(record)
        checkpoints = (session.results / "checkpoints").absolute() if study.restart == "checkpoint" else None
        scheduler = partial(
            Scheduler,
            study_id=record.id,
            store=store,
            logs=_logs(session),
            checkpoints=checkpoints,
            watcher=watcher,
            places=places(),
            isolation=study.isolation,
        )
        statuses = _run(session, record, study, todo, scheduler)
        # Afterwards, so that the first figures come soon; whoever wants to know before a long study asks `levelfield parity`.
        if session.certify:
            _certify(session, study, record, lessor, places())
        return statuses


def _run(session: Session, record: StudyRecord, study: Study, todo: list[PairWork], scheduler: Callable[..., Scheduler]) -> list[Status]:
    from orchestrator.execute import RayExecutor  # Ray is imported only where it is needed: the other commands stay quick

    with LiveProgress(session.console, todo) as progress:
        work = scheduler(executor=RayExecutor(silence_s=study.silence_limit), listener=progress, rounds=study.bursts).work
        try:
            return work_until_decided(stages(study, todo), work, partial(is_decided, study, record.id, session.store_url))
        except KeyboardInterrupt:
            session.console.print(f"\nInterrupted. [bold]levelfield resume {record.id}[/] goes on where it stopped.")
            raise


def check_places(study: Study, places: Places) -> None:
    """Raises UsageError with what is missing where the cluster could never place a run."""
    first: dict[Case, dict[str, RunSpec]] = defaultdict(dict)
    for run in plan(study, plan_seed=0)[: len(study.cases) * len(study.frameworks)]:
        first[Case(workload=run.spec.workload, workers=run.spec.workers)][run.side] = run.spec
    for case, specs in first.items():
        try:
            places.seats(specs, lambda: ())
        except NoSeatError as error:
            raise UsageError(f"{case.workload} cannot be placed: {error}") from error


def _watch(session: Session, places: "Callable[[], ClusterPlaces]") -> AbstractContextManager[Watcher]:
    roots = [os.getpid(), *raylets(session.address).values()]
    return ClusterWatch(roots, newcomers=lambda: places().newcomers()) if session.gate else nullcontext(Blind())


def _amount(todo: list[PairWork]) -> str:
    runs, duels = sum(len(pair.runs) for pair in todo), sum(pair.duel is not None for pair in todo)
    return f"{runs} runs, {duels} duels" if duels else f"{runs} runs"


def _certify(session: Session, study: Study, record: StudyRecord, lessor: Lessor, places: Places) -> None:
    """What stops a certificate must not hide that the runs are done."""
    try:
        certify_study(study, lessor, places, console=session.console, logs=_logs(session) / record.id)
    except (KeyboardInterrupt, ClusterError):
        session.console.print(f"\nNot certified, but every run is stored: [bold]levelfield report {record.id}[/]")
        raise


def _logs(session: Session) -> Path:
    return (session.results / "logs").absolute()


def _lock(session: Session, record: StudyRecord, stack: ExitStack) -> None:
    """Raises UsageError where another process runs this study; warns where one measures a study of another store on this machine."""
    if not stack.enter_context(exclusive(_logs(session) / record.id / "lock")):
        raise UsageError(f"study {record.id} is being run by another process")
    # Those of one store take turns, by leases.
    mark = Path(tempfile.gettempdir(), f"levelfield-measuring-{os.getuid()}.lock")
    if not stack.enter_context(measuring(mark, shown(parse(session.store_url)))):
        session.console.print(
            "[yellow]note:[/] a study of another store is being measured on this machine: both will be slower than alone; studies of one "
            "store take turns"
        )
