"""Executes planned runs on the Ray cluster: one actor, in a fresh process of the framework's own environment, for each run."""

import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, RayActorError, RayError

from levelfield.result import Failure, RunResult, Status
from levelfield.run import REASON_LIMIT, event_from_dict, tail
from levelfield.spec import PlannedRun
from levelfield.training import Event
from orchestrator.actors import Actors, NotStartedError, end
from orchestrator.schedule import Placed


class RayExecutor:
    """Runs one planned run at a time on the connected cluster."""

    def __init__(self) -> None:
        self._actors = Actors()

    def execute(self, run: PlannedRun, log: Path) -> Generator[Placed | Event, None, None]:
        """Yields where the run is and its events; the last is always a `RunResult`, also when the actor's process dies.

        Raises ClusterError where the node runs other sources than this process. When the iterator is closed early, the actor is ended.
        """
        started = time.perf_counter_ns()
        actor = self._actors.start(run.spec, log)
        who: dict[str, Any] = {}
        try:
            who = self._actors.greet(actor, run.spec)
            before = {"process_start": time.perf_counter_ns() - started}
            self._actors.check_sources(run.spec.framework, who)
            yield Placed(hostname=who["hostname"], pid=who["pid"])
            sent = time.perf_counter_ns()
            self._actors.send_data(actor, run.spec)
            stream = actor.run.remote(run.spec.to_dict(), before | {"data": time.perf_counter_ns() - sent})
            for reference in stream:
                yield event_from_dict(ray.get(reference))
        except (RayError, NotStartedError) as error:
            yield _died(error, wall_ns=time.perf_counter_ns() - started, log=log)
        finally:
            end(actor, who)


def _died(error: Exception, *, wall_ns: int, log: Path) -> RunResult:
    """The result of a run whose actor did not live to tell."""
    match error:
        case NotStartedError():
            reason = str(error)
        case ActorUnavailableError():
            reason = "the worker cannot be reached any more: its node has ended, or the network to it has failed"
        case RayActorError() | ActorUnschedulableError():
            reason = f"the worker process died: {_cause(error)}"
        case _:
            reason = f"{type(error).__name__}: {error}"
    return RunResult(
        status=Status.FAILED,
        wall_ns=wall_ns,
        failure=Failure(reason=reason[:REASON_LIMIT], error_type=type(error).__name__, log_tail=tail(log)),
    )


def _cause(error: Exception) -> str:
    """The sentence of Ray's long message that says how the process ended."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "exit" in line.lower() or "killed" in line.lower() or "memory" in line.lower()]
    return (telling or lines or ["no reason was given"])[-1]
