"""Works through the runs of a study, one at a time, and records what came of each. The only writer of runs."""

import re
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunKey
from levelfield.store import Store
from levelfield.training import Event


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A run has found its place: the process that will do it."""

    hostname: str
    pid: int


class Executor(Protocol):
    """Something that does a run; a generator, so that closing it ends the run. The last event is a `RunResult`."""

    def execute(self, run: PlannedRun, log: Path) -> Generator[Placed | Event, None, None]:
        """Do ``run``; the worker's output goes to the file ``log``."""
        ...


class Listener(Protocol):
    """Something that wants to know how the study goes on."""

    def started(self, run: PlannedRun, attempt: int) -> None:
        """The run is next."""
        ...

    def event(self, run: PlannedRun, event: Placed | Event) -> None:
        """The run has sent an event."""
        ...


def run_study(
    study_id: str, todo: Iterable[tuple[PlannedRun, int]], *, executor: Executor, store: Store, listener: Listener, logs: Path
) -> list[Status]:
    """Execute and record the runs in their order; returns how each ended. A run that fails does not stop the others.

    On KeyboardInterrupt the run in progress is ended and recorded as cancelled, and the exception goes on.
    """
    statuses = []
    for run, attempt in todo:
        key = RunKey(study=study_id, spec_hash=run.spec.hash, side=run.side, attempt=attempt)
        log = logs / study_id / f"{run.turn:03d}-{re.sub(r'[^A-Za-z0-9_]+', '-', run.side)}-{attempt}.log"
        listener.started(run, attempt)
        started_at = datetime.now(UTC)

        def record(result: RunResult, key: RunKey = key, run: PlannedRun = run, started_at: datetime = started_at) -> None:
            store.record(key, run, result, started_at=started_at, finished_at=datetime.now(UTC))

        statuses.append(_run(run, executor=executor, listener=listener, log=log, record=record))
    return statuses


def _run(run: PlannedRun, *, executor: Executor, listener: Listener, log: Path, record: Callable[[RunResult], None]) -> Status:
    result = RunResult(status=Status.FAILED, failure=Failure(reason="the worker ended without a result"))
    try:
        with closing(executor.execute(run, log)) as events:
            for event in events:
                if isinstance(event, RunResult):
                    result = event
                else:
                    listener.event(run, event)
    except KeyboardInterrupt:
        record(RunResult(status=Status.CANCELLED, failure=Failure(reason="interrupted by the user")))
        raise
    record(result)
    listener.event(run, result)
    return result.status
