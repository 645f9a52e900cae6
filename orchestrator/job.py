"""A study under way: checked, placed, and taken up where an earlier session left it."""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from levelfield import data, workloads
from levelfield.data.base import cache_folder
from levelfield.planning.plan import PairWork, pending, plan
from levelfield.result import Status
from levelfield.services import Service
from levelfield.spec import Case, RunSpec
from levelfield.store import Store, StudyRecord
from levelfield.store.address import parse, shown
from levelfield.study import Study, check_study
from orchestrator.absence import Absence
from orchestrator.board import Board
from orchestrator.certificates import certify_study
from orchestrator.conductor import Agenda, Entry
from orchestrator.connect import NoPlaceError, UsageError, check_before_start
from orchestrator.interfaces import Listener
from orchestrator.leases import Lessor, Places
from orchestrator.locks import exclusive, measuring
from orchestrator.looks import is_decided, stages
from orchestrator.patience import Patience
from orchestrator.progress import WaitingLines
from orchestrator.recording import Recorder
from orchestrator.schedule import Scheduler
from orchestrator.seats import NoSeatError, Offers, Seats
from orchestrator.site import Session, Site
from orchestrator.stopping import Stop


@dataclass(kw_only=True)
class Job:
    """A study under way. ``statuses``: how each run and duel ended that was done; ``entry`` tells what is left."""

    record: StudyRecord
    study: Study
    entry: Entry
    scheduler: Scheduler
    board: Board
    stop: Stop
    lessor: Lessor
    site: Site
    statuses: list[Status] = field(default_factory=list)

    def certify(self, console: Console) -> None:
        """Make the certificates that the study lacks. Raises ClusterError."""
        logs = self.site.session.logs / self.record.id
        certify_study(self.study, self.lessor, self.scheduler.places, console=console, logs=logs, stop=self.stop)


@dataclass
class Widening:
    """The places of a cluster, which give a study more room where hosts have joined. Implements `leases.Places`."""

    places: Places
    isolation: str
    entry: Entry | None = None

    def offers(self, specs: Mapping[str, RunSpec]) -> Offers:
        """See `leases.Places`."""
        found = self.places.offers(specs)
        if self.entry:
            self.entry.room = max(self.entry.room, found.room(self.isolation))
        return found

    def is_lost(self, seats: Seats) -> bool:
        """See `leases.Places`."""
        return self.places.is_lost(seats)


@dataclass(frozen=True, kw_only=True)
class Todo:
    """A study that has been checked, with what is left of it."""

    record: StudyRecord
    study: Study
    is_new: bool
    pairs: list[PairWork]
    recorder: Recorder
    stop: Stop

    @property
    def amount(self) -> str:
        """How much it is."""
        runs, duels = sum(len(pair.runs) for pair in self.pairs), sum(pair.duel is not None for pair in self.pairs)
        return f"{runs} runs, {duels} duels" if duels else f"{runs} runs"


def _note(console: Console, line: str) -> None:
    console.print(f"[yellow]note:[/] {escape(line)}", highlight=False, soft_wrap=True)


def checked(record: StudyRecord, session: Session) -> tuple[Study, list[Service]]:
    """The study, and the services that it needs, where it can be run here. Raises StudyError, UsageError, DataError or ClusterError."""
    study = check_study(record.study, session.services, source=f"study {record.id}")
    needed = [session.services[name] for name in dict.fromkeys(side.framework for side in study.frameworks)]
    check_before_start(session.address, needed, session.results)
    for name in study.workloads:
        _check_data(workloads.get(name).dataset, cache_folder())
    return study, needed


@cache
def _check_data(dataset: str, _folder: Path) -> None:
    """Raises DataError. Reading checks every byte: once in a process is enough, for a scheduler tries again what has to wait."""
    data.load(dataset)


def what_is_left(session: Session, store: Store, record: StudyRecord, study: Study, *, is_new: bool) -> Todo:
    """What is still to be done of a study; what an earlier session could not write is written first."""
    stop = Stop()
    patience = Patience(pause=stop.pause, tell=partial(_note, session.console))
    folder = (session.results / "unrecorded" / record.id).absolute()
    recorder = Recorder(store=store, study_id=record.id, folder=folder, patience=patience)
    if not is_new:
        recorder.take_up()
    pairs = list(pending(study, record.plan_seed, store.attempts(record.id), store.duel_attempts(record.id)))
    if not is_new and is_decided(study, record.id, session.store_url):
        pairs = []
    return Todo(record=record, study=study, is_new=is_new, pairs=pairs, recorder=recorder, stop=stop)


def begin(site: Site, todo: Todo, listener: Listener, *, priority: int = 0, order: int = 0) -> Job:
    """Take it up; a new study is stored. Raises NoPlaceError where the cluster could never place a run, StoreError."""
    from orchestrator.execute import RayExecutor  # Ray is imported only where it is needed: the other commands stay quick

    record, study, session = todo.record, todo.study, site.session
    places = Widening(site.places(study.shares), study.isolation)
    offers = offers_of(study, places, strict=todo.is_new)
    if todo.is_new:
        site.store.add_study(record)
    board = Board(listener)
    scheduler = Scheduler(
        recorder=todo.recorder,
        executor=RayExecutor(silence_s=study.silence_limit),
        listener=board,
        logs=session.logs,
        places=places,
        isolation=study.isolation,
        checkpoints=(session.results / "checkpoints").absolute() if study.restart == "checkpoint" else None,
        watcher=site.watcher,
        stop=todo.stop,
        rounds=study.bursts,
        absence=Absence(session.wait_s),
    )
    agenda = Agenda(stages(study, todo.pairs), partial(todo.recorder.patience, partial(is_decided, study, record.id, session.store_url)))
    lessor = Lessor(store=site.store, study_id=record.id, waiting=WaitingLines(session.console), patience=todo.recorder.patience)
    room = max((one.room(study.isolation) for one in offers.values()), default=1)
    places.entry = entry = Entry(study_id=record.id, agenda=agenda, room=room, priority=priority, order=order)
    return Job(record=record, study=study, entry=entry, scheduler=scheduler, board=board, stop=todo.stop, lessor=lessor, site=site)


def offers_of(study: Study, places: Places, *, strict: bool = True) -> dict[Case, Offers]:
    """What the cluster has for each case of a study. Raises NoPlaceError with what is missing where it could never place a run.

    Not ``strict``, it leaves such a case out: what is done of it before may have been done on a larger cluster.
    """
    first: dict[Case, dict[str, RunSpec]] = defaultdict(dict)
    for run in plan(study, plan_seed=0, pairs=len(study.cases)):
        first[Case(workload=run.spec.workload, workers=run.spec.workers)][run.side] = run.spec
    found = {case: places.offers(specs) for case, specs in first.items()}
    for case, offers in list(found.items()):
        try:
            offers.choose()
        except NoSeatError as error:
            if strict:
                raise NoPlaceError(f"{case.workload} cannot be placed: {error}") from error
            del found[case]
    return found


def outcome_of(job: Job) -> str:
    """How it ended, in a sentence."""
    if job.stop.is_set:
        return job.stop.reason
    if not job.statuses:
        return "done: there was nothing left to do"
    ended = Counter(job.statuses)
    others = ", ".join(f"{number} {status}" for status, number in ended.items() if status is not Status.OK)
    return f"done: {ended[Status.OK]} of {len(job.statuses)} ok" + (f", {others}" if others else "")


@contextmanager
def locked(session: Session, study_id: str) -> Iterator[None]:
    """Nobody else runs this study meanwhile, with this results folder. Raises UsageError where somebody does."""
    with exclusive(session.logs / study_id / "lock") as free:
        if not free:
            raise UsageError(f"study {study_id} is being run by another process")
        yield


@contextmanager
def marked(session: Session) -> Iterator[None]:
    """A mark that this process measures; warns where one measures studies of another store on this machine."""
    mark = Path(tempfile.gettempdir(), f"levelfield-measuring-{os.getuid()}.lock")
    with measuring(mark, shown(parse(session.store_url))) as alone:  # those of one store take turns, by leases
        if not alone:
            session.console.print(
                "[yellow]note:[/] a study of another store is being measured on this machine: both will be slower than alone; studies of "
                "one store take turns"
            )
        yield
