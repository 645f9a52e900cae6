"""One `levelfield run` or `resume` from the checked study to its recorded runs."""

import secrets
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

import levelfield
from levelfield import data, workloads
from levelfield.measure.environment import source_hash
from levelfield.result import Status
from levelfield.services import Service
from levelfield.store import Store, StudyRecord
from levelfield.study import Study
from orchestrator.plan import pending, plan
from orchestrator.progress import LiveProgress
from orchestrator.schedule import run_study


class UsageError(Exception):
    """Something that the user asked for cannot be done as it was asked; nothing has been started or written."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """What a run needs from the command line."""

    services: dict[str, Service]
    results: Path
    store_url: str
    address: str | None
    console: Console


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

    Raises UsageError, DataError or ClusterError before anything is written.
    """
    study = Study.model_validate(record.study)
    needed = [session.services[name] for name in dict.fromkeys(side.framework for side in study.frameworks)]
    _check_before_start(session, needed)
    for name in study.workloads:
        data.load(workloads.get(name).dataset)
    runs = plan(study, record.plan_seed)
    attempts = {}
    if not is_new:
        with Store.open(session.store_url) as store:
            attempts = store.attempts(record.id)
        if not (runs := [run for run, _ in pending(runs, attempts)]):
            return []
    todo = list(pending(runs, attempts))
    console = session.console
    console.print(f"[bold]{record.study.get('title') or record.name}[/]  [dim]study {record.id}: {len(todo)} runs[/]")
    with ExitStack() as stack:
        stack.enter_context(_interruptible())
        with console.status("starting the Ray nodes"):
            stack.enter_context(_cluster(session, needed))
        stack.enter_context(_interruptible())  # again: Ray has put its own handlers in place of ours
        from orchestrator.execute import RayExecutor  # Ray is imported only where it is needed: the other commands stay quick

        store = stack.enter_context(Store.open(session.store_url))
        progress = stack.enter_context(LiveProgress(console, todo))
        if is_new:
            store.add_study(record)
        logs = (session.results / "logs").absolute()
        return run_study(record.id, todo, executor=RayExecutor(session.services), store=store, listener=progress, logs=logs)


def _check_before_start(session: Session, needed: list[Service]) -> None:
    """Raises UsageError where the run could not be done or its results could not be kept."""
    lacking = [service for service in needed if not service.ready]
    if lacking and not session.address:
        commands = "\n".join(f"  {service.setup_command}" for service in lacking)
        raise UsageError(f"{', '.join(s.title for s in lacking)} has no environment on this machine; make it with\n{commands}")
    existing = next(folder for folder in (session.results, *session.results.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UsageError(f"--results {session.results}: cannot be written ({error.strerror}); give a folder that can") from error


def _cluster(session: Session, needed: list[Service]) -> AbstractContextManager[str]:
    from orchestrator.cluster import embedded, running

    return running(session.address, needed) if session.address else embedded(needed)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the study as Ctrl-C does: in order, leaving nothing behind."""

    def interrupt(number: int, _: FrameType | None) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
