"""Worker actors on the connected Ray cluster: started, checked, given their data and ended."""

import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.exceptions import RayActorError, RayError

from levelfield import data, workloads
from levelfield.measure.environment import source_hash
from levelfield.spec import RunSpec
from orchestrator.nodes import ClusterError
from services.actor import WorkerActor

ACTOR_TIMEOUT_S = 120.0
EXIT_TIMEOUT_S = 10.0


class NotStartedError(Exception):
    """The actor has not come to life."""


class Actors:
    """What every actor of one session is checked against and given."""

    def __init__(self, kind: type[WorkerActor] = WorkerActor) -> None:
        self._kind = kind
        self._source_hash = source_hash()
        self._datasets: dict[str, data.Dataset] = {}

    def start(self, spec: RunSpec, log: Path, *, share: float = 1.0) -> Any:
        """An actor for ``spec``; it may not live yet. ``share`` of its node's resource lets several be on a node at once."""
        # CPU shares of Ray only place; the custom resource is what finds the framework's node.
        gpus = share if spec.device == "cuda" else 0
        options = {"num_cpus": 0, "num_gpus": gpus, "resources": {spec.framework: share}, "max_restarts": 0}
        return ray.remote(self._kind).options(**options).remote(spec.framework, str(log))

    def greet(self, actor: Any, spec: RunSpec) -> dict[str, Any]:
        """Wait for the actor's process; who and where it is.

        Raises NotStartedError as soon as no node is left that could hold it, or after ACTOR_TIMEOUT_S.
        """
        answer = actor.hello.remote()
        deadline = time.monotonic() + ACTOR_TIMEOUT_S
        while not ray.wait([answer], timeout=1)[0]:
            if lost := _no_place(spec):
                raise NotStartedError(lost)
            if time.monotonic() > deadline:
                raise NotStartedError(
                    f"the worker's process did not start within {ACTOR_TIMEOUT_S:.0f} s: its node may be busy with another"
                )
        try:
            who: dict[str, Any] = ray.get(answer)
        except RayActorError as error:
            raise (NotStartedError(lost) if (lost := _no_place(spec)) else error) from error
        return who

    def check_sources(self, framework: str, who: Mapping[str, Any]) -> None:
        """Raises ClusterError where the node runs other sources than this process."""
        if who["source_hash"] != self._source_hash:
            raise ClusterError(
                f"the {framework} node on {who['hostname']} runs other sources than this orchestrator: {who['source_hash'][:12]} there, "
                f"{self._source_hash[:12]} here; bring both to the same version"
            )

    def dataset(self, workload: str) -> data.Dataset:
        """What a workload is trained on, from this host's cache. Raises DataError as `data.load` does."""
        name = workloads.get(workload).dataset
        if name not in self._datasets:
            self._datasets[name] = data.load(name)  # reading checks every byte: once is enough
        return self._datasets[name]

    def send_data(self, actor: Any, spec: RunSpec) -> None:
        """Give the worker's host the data set if it does not have it yet."""
        dataset = self.dataset(spec.workload)
        if ray.get(actor.lacks_data.remote(dataset.name, dataset.fingerprint, dataset.source)):
            ray.get(actor.store_data.remote(dataset.name, dataset.arrays(), dataset.source))


def _no_place(spec: RunSpec) -> str | None:
    """Why no actor for ``spec`` can ever start; None where one can."""
    needed = {spec.framework, *(["GPU"] if spec.device == "cuda" else [])}
    if any(node["Alive"] and needed <= node["Resources"].keys() for node in ray.nodes()):
        return None
    return f"no live node of the cluster offers {' and '.join(sorted(needed))}"


def end(actor: Any, who: Mapping[str, Any]) -> None:
    """End the actor and wait for its process, so that it does not compete with the next run."""
    with contextlib.suppress(RayError):
        ray.kill(actor, no_restart=True)
    if who.get("hostname") == socket.gethostname():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(who["pid"])
            _, alive = psutil.wait_procs([process], timeout=EXIT_TIMEOUT_S)
            for survivor in alive:
                survivor.kill()
