"""Executes planned runs on the Ray cluster: one actor, in a fresh process of the framework's own environment, for each run."""

import contextlib
import socket
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.exceptions import ActorUnavailableError, ActorUnschedulableError, RayActorError, RayError

from levelfield import data, workloads
from levelfield.measure.environment import source_hash
from levelfield.result import Failure, RunResult, Status
from levelfield.run import REASON_LIMIT, event_from_dict, tail
from levelfield.services import Service
from levelfield.spec import PlannedRun, RunSpec
from levelfield.training import Event
from orchestrator.nodes import ClusterError
from orchestrator.schedule import Placed
from services.actor import WorkerActor

ACTOR_TIMEOUT_S = 120.0
EXIT_TIMEOUT_S = 10.0


class _NotStartedError(Exception):
    """The actor has not come to life."""


class RayExecutor:
    """Runs one planned run at a time on the connected cluster."""

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services
        self._source_hash = source_hash()
        self._datasets: dict[str, data.Dataset] = {}

    def execute(self, run: PlannedRun, log: Path) -> Generator[Placed | Event, None, None]:
        """Yields where the run is and its events; the last is always a `RunResult`, also when the actor's process dies.

        Raises ClusterError where the node runs other sources than this process. When the iterator is closed early, the actor is ended.
        """
        started = time.perf_counter_ns()
        actor = self._start_actor(run.spec, log)
        who: dict[str, Any] = {}
        try:
            who = _hello(actor, run.spec)
            before = {"process_start": time.perf_counter_ns() - started}
            self._check_sources(run.spec.framework, who)
            yield Placed(hostname=who["hostname"], pid=who["pid"])
            sent = time.perf_counter_ns()
            self._send_data(actor, run.spec)
            stream = actor.run.remote(run.spec.to_dict(), before | {"data": time.perf_counter_ns() - sent})
            for reference in stream:
                yield event_from_dict(ray.get(reference))
        except (RayError, _NotStartedError) as error:
            yield _died(error, wall_ns=time.perf_counter_ns() - started, log=log)
        finally:
            _end(actor, who)

    def _start_actor(self, spec: RunSpec, log: Path) -> Any:
        # CPU shares of Ray only place; the custom resource is what finds the framework's node.
        options = {"num_cpus": 0, "num_gpus": int(spec.device == "cuda"), "resources": {spec.framework: 1}, "max_restarts": 0}
        return ray.remote(WorkerActor).options(**options).remote(spec.framework, str(log))

    def _send_data(self, actor: Any, spec: RunSpec) -> None:
        """Give the worker's host the data set if it does not have it yet."""
        name = workloads.get(spec.workload).dataset
        if name not in self._datasets:
            self._datasets[name] = data.load(name)  # reading checks every byte: once is enough
        dataset = self._datasets[name]
        if ray.get(actor.lacks_data.remote(dataset.name, dataset.fingerprint, dataset.source)):
            ray.get(actor.store_data.remote(dataset.name, dataset.arrays(), dataset.source))

    def _check_sources(self, framework: str, who: Mapping[str, Any]) -> None:
        if who["source_hash"] != self._source_hash:
            raise ClusterError(
                f"the {framework} node on {who['hostname']} runs other sources than this orchestrator: {who['source_hash'][:12]} there, "
                f"{self._source_hash[:12]} here; bring both to the same version"
            )


def _hello(actor: Any, spec: RunSpec) -> dict[str, Any]:
    """Wait for the actor's process. Raises _NotStartedError as soon as no node is left that could hold it, or after ACTOR_TIMEOUT_S."""
    answer = actor.hello.remote()
    deadline = time.monotonic() + ACTOR_TIMEOUT_S
    while not ray.wait([answer], timeout=1)[0]:
        needed = {spec.framework, *(["GPU"] if spec.device == "cuda" else [])}
        if not any(node["Alive"] and needed <= node["Resources"].keys() for node in ray.nodes()):
            raise _NotStartedError(f"no live node of the cluster offers {' and '.join(sorted(needed))}")
        if time.monotonic() > deadline:
            raise _NotStartedError(f"the worker's process did not start within {ACTOR_TIMEOUT_S:.0f} s")
    who: dict[str, Any] = ray.get(answer)
    return who


def _died(error: Exception, *, wall_ns: int, log: Path) -> RunResult:
    """The result of a run whose actor did not live to tell."""
    match error:
        case _NotStartedError():
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


def _end(actor: Any, who: Mapping[str, Any]) -> None:
    """End the actor and wait for its process, so that it does not compete with the next run."""
    with contextlib.suppress(RayError):
        ray.kill(actor, no_restart=True)
    if who.get("hostname") == socket.gethostname():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(who["pid"])
            _, alive = psutil.wait_procs([process], timeout=EXIT_TIMEOUT_S)
            for survivor in alive:
                survivor.kill()
