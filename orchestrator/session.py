"""One `levelfield run` or `resume` from the checked study to its recorded runs, led by the command itself."""

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from rich.console import Console
from rich.markup import escape

from levelfield.result import Status
from levelfield.store import Store, StudyRecord
from orchestrator.conductor import Conductor
from orchestrator.connect import interruptible
from orchestrator.crew import crew
from orchestrator.desk import Desk
from orchestrator.job import Job, Todo, begin, checked, locked, marked, outcome_of, what_is_left
from orchestrator.leases import Lessor
from orchestrator.nodes import ClusterError
from orchestrator.patience import Patience
from orchestrator.progress import LiveProgress, WaitingLines
from orchestrator.site import Session, Site, joined
from orchestrator.stopping import INTERRUPTED, Stop

TICK_S = 1.0


def execute(session: Session, record: StudyRecord, *, is_new: bool) -> list[Status]:
    """Run what is not done yet of a study, which is stored first if it is new. Returns how each of these runs ended.

    Raises StudyError, UsageError, DataError, StoreError or ClusterError where it cannot be done; a new study is not stored then.
    """
    study, needed = checked(record, session)
    with ExitStack() as stack:
        stack.enter_context(interruptible())
        store = stack.enter_context(Store.open(session.store_url))
        stack.enter_context(locked(session, record.id))
        stack.enter_context(marked(session))
        todo = what_is_left(session, store, record, study, is_new=is_new)
        if not todo.pairs:
            return []
        session.console.print(f"[bold]{escape(study.title or study.name)}[/]  [dim]study {record.id}: {todo.amount}[/]")
        desk = stack.enter_context(Desk.own(store, record, todo.stop))
        patience = Patience(pause=desk.pause, tell=todo.recorder.patience.tell)
        lessor = Lessor(store=store, study_id=record.id, waiting=WaitingLines(session.console), patience=patience)
        site = stack.enter_context(joined(session, store, needed, lessor))
        return _lead(site, todo, desk)


def _lead(site: Site, todo: Todo, desk: Desk) -> list[Status]:
    console, record = site.session.console, todo.record
    with LiveProgress(console, todo.pairs) as progress:
        job = begin(site, todo, progress)
        progress.room = job.entry.room
        try:
            _work(job, desk)
        except KeyboardInterrupt:
            why = f"Stopped: {todo.stop.reason}." if desk.is_stopped else "Interrupted."
            console.print(f"\n{why} [bold]levelfield resume {record.id}[/] goes on where it stopped.")
            raise
    desk.outcome = outcome_of(job)
    # Afterwards, so that the first figures come soon; whoever wants to know before a long study asks `levelfield parity`.
    if site.session.certify:
        _certify(job, console, desk)
    return job.statuses


def _work(job: Job, desk: Desk) -> None:
    """All pairs; raises what the first one raised that could not be recorded, when the others have been stopped."""
    conductor = Conductor()
    conductor.add(job.entry)
    with crew(_stopping(job.stop)) as hired:
        while not job.entry.agenda.is_over or not hired.is_idle:
            while found := conductor.next():
                hired.begin(job.entry, partial(job.scheduler.work, found[1]))
            for entry, future in hired.ended(TICK_S):
                job.statuses += future.result()
                conductor.done(entry)
            desk.tick(job.board.snapshot())


def _certify(job: Job, console: Console, desk: Desk) -> None:
    """What stops a certificate must not hide that the runs are done."""

    def work() -> list[Status]:
        job.certify(console)
        return []

    try:
        with crew(_stopping(job.stop)) as hired:
            hired.begin(job.entry, work)
            while not hired.is_idle:
                for _, future in hired.ended(TICK_S):
                    future.result()
                desk.tick()
    except (KeyboardInterrupt, ClusterError):
        console.print(f"\nNot certified, but every run is stored: [bold]levelfield report {job.record.id}[/]")
        raise


def _stopping(stop: Stop) -> Callable[[BaseException], None]:
    """What makes the threads end when one of them, or the user, has raised."""
    return lambda error: stop.set(INTERRUPTED if isinstance(error, KeyboardInterrupt) else f"the study was ended by an error: {error}")
