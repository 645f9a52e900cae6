"""`levelfield serve`: one process that runs every study that is asked for in a store, by priority, then in order."""

import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import IO, cast

from rich.console import Console
from rich.markup import escape

from levelfield.data import DataError
from levelfield.holders import is_gone, myself
from levelfield.planning.plan import PairWork
from levelfield.problems import StudyError
from levelfield.result import Status
from levelfield.services import ServiceError
from levelfield.store import Store, StoreError, requesting
from levelfield.store.records import StoreAwayError
from levelfield.store.serving import LEADER
from orchestrator.conductor import Conductor, Entry
from orchestrator.connect import UsageError, interruptible
from orchestrator.crew import Crew, Done, crew
from orchestrator.desk import Desk
from orchestrator.heart import VALID
from orchestrator.job import Job, begin, checked, locked, marked, outcome_of, what_is_left
from orchestrator.leases import Lease, Lessor
from orchestrator.lobby import MENDED_BY_NODES, Lobby
from orchestrator.metrics import Pulse
from orchestrator.nodes import ClusterError
from orchestrator.progress import LiveProgress, WaitingLines
from orchestrator.site import Session, Site, joined
from orchestrator.stopping import INTERRUPTED

TICK_S, LOOK_S = 1.0, 5.0
REFUSALS = (StudyError, ServiceError, UsageError, DataError, StoreError, ClusterError)


@dataclass(kw_only=True)
class Work:
    """A request at work: its study, its desk, and what ends with it."""

    job: Job
    desk: Desk
    stack: ExitStack
    certifies: bool
    certified: bool = False
    errors: list[str] = field(default_factory=list)


def serve(session: Session, pulse: Pulse) -> None:
    """Run what is asked for until it is interrupted; where another process serves this store already, wait for its end.

    What is at work then is stopped, and goes on when somebody serves again. ``pulse`` is felt while it serves. Raises StoreError or
    ClusterError, and UsageError where another process has taken over the role.
    """
    console = session.console
    own = [service for service in session.services.values() if service.ready]
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        store = stack.enter_context(Store.open(session.store_url))
        lessor = Lessor(store=store, study_id="serve", waiting=WaitingLines(console))
        role = stack.enter_context(lessor.lease([LEADER], ["scheduler"]))
        stack.enter_context(marked(session))
        # Of a cluster that is there each study needs what it needs, and no more.
        site = stack.enter_context(joined(session, store, [] if session.address else own, lessor))
        console.print(f"serving the store {escape(store.name)}", highlight=False, soft_wrap=True)
        Server(site, role, pulse).run()


class Server:
    """Takes up requests, and works on all of them at once as far as there are devices."""

    def __init__(self, site: Site, role: Lease, pulse: Pulse) -> None:
        self._site, self._console, self._store, self._role, self._pulse = site, site.session.console, site.store, role, pulse
        self._conductor = Conductor()
        self._works: dict[str, Work] = {}
        self._lobby = Lobby(site.store, site.session.wait_s)
        self._unheard: list[Desk] = []  # of requests that are over, which the store has not heard
        self._looked = 0.0

    def run(self) -> None:
        """Until an exception ends it, which stops what is at work."""
        with self._leaving(), crew(self._stop_all) as hired:
            while True:
                self._pulse.beat()
                self._look_after_role()
                self._unheard = [desk for desk in self._unheard if not desk.close()]
                self._take_up()
                while found := self._conductor.next():
                    self._begin(hired, *found)
                for entry, future in hired.ended(TICK_S):
                    self._ended(entry, future)
                for entry in self._conductor.take_over():
                    self._over(hired, self._works[entry.study_id])
                for work in self._works.values():
                    work.desk.tick(work.job.board.snapshot())
                    if work.job.stop.is_set:  # also one that has nothing at work
                        work.job.entry.agenda.abandon()

    def _look_after_role(self) -> None:
        """Whoever was away for so long that another one serves must not go on."""
        if time.monotonic() - self._looked > LOOK_S:
            self._looked = time.monotonic()
            if self._role.is_lost():
                raise UsageError("another process serves this store now: this one did not renew its role in time")

    def _take_up(self) -> None:
        with suppress(StoreAwayError):  # later
            for waiting in self._lobby.again():
                self._accept(waiting)
            while request := requesting.take(self._store, myself(), valid=VALID, gone=is_gone):
                self._accept(request)

    def _accept(self, request: requesting.Request) -> None:
        if (work := self._works.get(request.study_id)) and work.desk.request.id == request.id:
            work.desk.request = request  # it had expired while the store was away: it goes on
            return
        stack = ExitStack()
        try:
            self._works[request.study_id] = work = self._work(request, stack)
        except StoreAwayError:
            stack.close()
            requesting.leave(self._store, request)
            raise
        except Exception as error:  # noqa: BLE001 - one request, whatever is wrong with it, must not stop the others
            stack.close()
            is_new = self._lobby.is_new(request)
            if isinstance(error, MENDED_BY_NODES) and self._lobby.takes(request):
                if is_new:
                    self._tell(request.study_id, f"waits for nodes: {escape(str(error))}")
                return
            self._lobby.leaves(request)
            known = isinstance(error, REFUSALS)
            told = str(error) if known else "".join(traceback.format_exception(error))
            self._tell(request.study_id, f"[bold red]refused:[/] {escape(told)}")
            requesting.finish(self._store, request, f"refused: {error if known else repr(error)}")
        else:
            self._lobby.leaves(request)
            self._conductor.add(work.job.entry)

    def _work(self, request: requesting.Request, stack: ExitStack) -> Work:
        session, record = self._site.session, request.record
        study, _ = checked(record, session)
        stack.enter_context(locked(session, record.id))
        is_new = record.id not in {known.id for known in self._store.studies()}
        todo = what_is_left(session, self._store, record, study, is_new=is_new)
        progress = LiveProgress(self._lines(record.id), todo.pairs)
        job = begin(self._site, todo, progress, priority=request.priority, order=request.id)
        self._tell(record.id, f"{escape(study.title or study.name)}, asked for by {escape(request.asked_by)}: {todo.amount}")
        certifies = bool(request.options.get("certify", True))
        return Work(job=job, desk=Desk(self._store, request, todo.stop), stack=stack, certifies=certifies)

    def _begin(self, hired: Crew, entry: Entry, pair: PairWork) -> None:
        hired.begin(entry, partial(self._works[entry.study_id].job.scheduler.work, pair))

    def _ended(self, entry: Entry, future: Done) -> None:
        """A pair, or a certificate; what it raised ends its study."""
        work = self._works[entry.study_id]
        error = future.exception()
        if error is None:
            work.job.statuses += future.result()
        elif not isinstance(error, KeyboardInterrupt):  # which its stop has raised
            self._fail(work, error)
        if work.certified:
            self._close(work)
            return
        try:
            self._conductor.done(entry)
        except Exception as undecided:  # noqa: BLE001 - as above
            self._fail(work, undecided)

    def _fail(self, work: Work, error: BaseException) -> None:
        self._tell(work.job.record.id, f"[bold red]failed:[/] {escape(''.join(traceback.format_exception(error)))}")
        work.errors.append(f"{type(error).__name__}: {error}")
        work.job.entry.agenda.abandon()
        work.job.stop.set(f"failed: {error}")

    def _over(self, hired: Crew, work: Work) -> None:
        """All pairs are done: then its certificates, and after these the request is over."""
        if work.certifies and not work.job.stop.is_set:
            work.certified = True
            hired.begin(work.job.entry, partial(self._certify, work))
        else:
            self._close(work)

    def _close(self, work: Work) -> None:
        del self._works[work.job.record.id]
        work.desk.outcome = f"failed: {work.errors[0]}" if work.errors else outcome_of(work.job)
        if not work.desk.close():
            self._unheard.append(work.desk)
        work.stack.close()
        self._tell(work.job.record.id, escape(work.desk.outcome))

    def _certify(self, work: Work) -> list[Status]:
        work.job.certify(self._lines(work.job.record.id))
        return []

    def _stop_all(self, _error: BaseException) -> None:
        for work in self._works.values():
            work.job.stop.set(INTERRUPTED)

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """What is at work when we end stays a request: whoever serves next takes it up."""
        try:
            yield
        finally:
            for request in [*(work.desk.request for work in self._works.values()), *self._lobby.waiting.values()]:
                with suppress(StoreError):
                    requesting.leave(self._store, request)

    def _lines(self, study_id: str) -> Console:
        """One that is no terminal: studies that are at work at once would draw over each other."""
        return Console(file=cast("IO[str]", Prefixed(self._console, study_id)), force_terminal=False, width=240)

    def _tell(self, study_id: str, line: str) -> None:
        self._console.print(f"[dim]{study_id}[/]  {line}", highlight=False, soft_wrap=True)


class Prefixed:
    """Lines of one study among those of others: a file that a console writes to."""

    def __init__(self, console: Console, study_id: str) -> None:
        self._console, self._study_id = console, study_id

    def write(self, text: str) -> int:
        """Each line after the study's id."""
        for line in filter(None, map(str.rstrip, text.splitlines())):
            self._console.print(f"{self._study_id}  {line.strip()}", markup=False, highlight=False, soft_wrap=True)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""
