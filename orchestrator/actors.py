"""Worker actors on the connected Ray cluster: started, checked, given their data and ended."""

import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil
import ray
from ray.exceptions import ActorUnschedulableError, RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy, PlacementGroupSchedulingStrategy

from levelfield import data, workloads
from levelfield.measure.environment import source_hash
from levelfield.spec import RunSpec
from orchestrator.nodes import ClusterError
from orchestrator.seats import Seat
from services.actor import WorkerActor

ACTOR_TIMEOUT_S = 120.0
EXIT_TIMEOUT_S = 10.0


class NotStartedError(Exception):
    """The actor has not come to life."""


class SeatGoneError(NotStartedError):
    """Nor can it: its node has ended, or is so new that Ray's scheduler does not know it yet."""


class Actors:
    """What every actor of one session is checked against and given."""

    def __init__(self, kind: type[WorkerActor] = WorkerActor) -> None:
        self._kind = kind
        self._source_hash = source_hash()
        self._datasets: dict[str, data.Dataset] = {}

    def start(self, spec: RunSpec, log: Path, seat: Seat, *, bundle: PlacementGroupSchedulingStrategy | None = None) -> Any:
        """An actor for ``spec`` on its seat; it may not live yet. ``bundle``: of the placement group that its gang is in."""
        place = bundle or NodeAffinitySchedulingStrategy(seat.node, soft=False)
        # The lease is what excludes others: of Ray's resources it takes none.
        actor = ray.remote(self._kind).options(num_cpus=0, num_gpus=0, max_restarts=0, scheduling_strategy=place)
        return actor.remote(spec.framework, str(log), gpu=seat.device.gpu, cores=sorted(seat.device.cores or ()))

    def greet(self, actor: Any, seat: Seat) -> dict[str, Any]:
        """Wait for the actor's process; who and where it is.

        Raises SeatGoneError as soon as its node is lost, and NotStartedError after ACTOR_TIMEOUT_S.
        """
        answer = actor.hello.remote()
        deadline = time.monotonic() + ACTOR_TIMEOUT_S
        while not ray.wait([answer], timeout=1)[0]:
            if lost := _lost(seat):
                raise SeatGoneError(lost)
            if time.monotonic() > deadline:
                raise NotStartedError(f"the worker's process did not start on {seat.hostname} within {ACTOR_TIMEOUT_S:.0f} s")
        try:
            who: dict[str, Any] = ray.get(answer)
        except ActorUnschedulableError as error:
            raise SeatGoneError(_lost(seat) or f"Ray has no place on the node on {seat.hostname}: {error}") from error
        except RayActorError as error:
            raise (SeatGoneError(lost) if (lost := _lost(seat)) else error) from error
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
            ray.get(actor.begin_data.remote(dataset.name, dataset.source, data.layout_of(dataset)))
            for key, start, rows in data.in_pieces(dataset):
                ray.get(actor.add_data.remote(key, start, rows))
            ray.get(actor.keep_data.remote())


def _lost(seat: Seat) -> str | None:
    """Why no actor can start on a seat any more; None where one can."""
    alive = any(node["Alive"] and node["NodeID"] == seat.node for node in ray.nodes())
    return None if alive else f"the node on {seat.hostname} has ended"


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
