"""Processes on the Ray cluster: one actor, in a fresh process of the framework's own environment, for each run and the duel after it."""

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, RayActorError, RayError

from levelfield.bursts import Burst
from levelfield.result import Failure, RunResult, Status
from levelfield.run import REASON_LIMIT, event_from_dict, tail
from levelfield.spec import RunSpec
from levelfield.training import Event
from orchestrator.actors import Actors, NotStartedError, end
from orchestrator.schedule import BurstError, Placed


class RayExecutor:
    """Gives processes on the connected cluster."""

    def __init__(self) -> None:
        self._actors = Actors()

    @contextmanager
    def process(self, spec: RunSpec, log: Path, *, share: float) -> Iterator["RayProcess"]:
        """An actor of its own, which is ended with the block."""
        process = RayProcess(self._actors, spec, log, share)
        try:
            yield process
        finally:
            process.end()


class RayProcess:
    """One actor: a run, and then bursts."""

    def __init__(self, actors: Actors, spec: RunSpec, log: Path, share: float) -> None:
        self._actors, self._spec, self._log = actors, spec, log
        self._started = time.perf_counter_ns()
        self._actor = actors.start(spec, log, share=share)
        self._who: dict[str, Any] = {}

    def run(self) -> Generator[Placed | Event, None, None]:
        """Yields where the run is and its events; the last is always a `RunResult`, also when the actor's process dies.

        Raises ClusterError where the node runs other sources than this process.
        """
        try:
            self._who = self._actors.greet(self._actor, self._spec)
            before = {"process_start": time.perf_counter_ns() - self._started}
            self._actors.check_sources(self._spec.framework, self._who)
            yield Placed(hostname=self._who["hostname"], pid=self._who["pid"])
            sent = time.perf_counter_ns()
            self._actors.send_data(self._actor, self._spec)
            stream = self._actor.run.remote(self._spec.to_dict(), before | {"data": time.perf_counter_ns() - sent})
            for reference in stream:
                yield event_from_dict(ray.get(reference))
        except (RayError, NotStartedError) as error:
            yield _died(error, wall_ns=time.perf_counter_ns() - self._started, log=self._log)

    def burst(self, target_ns: int) -> Burst:
        """Raises BurstError where the worker raised an exception or its process has died."""
        try:
            answer = ray.get(self._actor.burst.remote(target_ns))
        except RayError as error:
            raise BurstError(_reason(error)) from error
        if "failure" in answer:
            raise BurstError(answer["failure"])
        return Burst(**answer)

    def who(self) -> dict[str, Any]:
        """Host, process, node and GPUs by UUID; what is not known yet is None."""
        return {name: self._who.get(name) for name in ("hostname", "host", "pid", "node_id", "gpus")}

    def end(self) -> None:
        """End the actor's process."""
        end(self._actor, self._who)


def _died(error: Exception, *, wall_ns: int, log: Path) -> RunResult:
    """The result of a run whose actor did not live to tell."""
    return RunResult(
        status=Status.FAILED,
        wall_ns=wall_ns,
        failure=Failure(reason=_reason(error)[:REASON_LIMIT], error_type=type(error).__name__, log_tail=tail(log)),
    )


def _reason(error: Exception) -> str:
    match error:
        case NotStartedError():
            return str(error)
        case ActorUnavailableError():
            return "the worker cannot be reached any more: its node has ended, or the network to it has failed"
        case RayActorError() | ActorUnschedulableError():
            return f"the worker process died: {_cause(error)}"
        case _:
            return f"{type(error).__name__}: {error}"


def _cause(error: Exception) -> str:
    """The sentence of Ray's long message that says how the process ended."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if "exit" in line.lower() or "killed" in line.lower() or "memory" in line.lower()]
    return (telling or lines or ["no reason was given"])[-1]
