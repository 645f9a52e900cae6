"""Where a pair's processes may run: the devices of every node of the cluster that Ray could choose, and the monitors there."""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from levelfield.leases import Device
from levelfield.measure.monitor import Monitor
from levelfield.spec import RunSpec
from orchestrator.watch import Eyes, LostSightError

ANSWER_TIMEOUT_S = 60.0  # the first answer: its process has to start
LOOK_TIMEOUT_S = 20.0


class ThisHost:
    """The place of an embedded cluster: its nodes are all here, and see the GPUs that we see."""

    def __init__(self) -> None:
        self._where = Monitor([os.getpid()]).where()

    def candidates(self, specs: Iterable[RunSpec]) -> frozenset[Device]:
        """See `Places`."""
        return frozenset().union(*(_devices(self._where, device) for device in {spec.device for spec in specs}))

    def used(self, who: Mapping[str, Any], *, device: str) -> frozenset[Device]:  # noqa: ARG002 - every process is here
        """See `Places`."""
        return _devices(self._where, device)

    def newcomers(self) -> tuple[()]:
        """No node is anywhere else."""
        return ()


class RemoteEyes:
    """The monitor of another node, which looks while others measure, and is asked before and after. Implements `watch.Eyes`."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._ask(actor.start)

    def mark(self) -> int:
        """See `watch.Eyes`."""
        return int(self._ask(self._actor.mark))

    def since(self, at_ns: int) -> list[dict[str, Any]]:
        """See `watch.Eyes`."""
        samples: list[dict[str, Any]] = self._ask(self._actor.since, at_ns)
        return samples

    def stop(self) -> None:
        """End the monitor's process, if it has not ended with the connection already: without one Ray would start a cluster here."""
        if ray.is_initialized():
            ray.kill(self._actor)

    def _ask(self, method: Any, *words: Any) -> Any:
        try:
            return ray.get(method.remote(*words), timeout=LOOK_TIMEOUT_S)
        except (RayError, TimeoutError) as error:
            raise LostSightError(str(error)) from error


class ClusterPlaces:
    """Asks each node once, by an actor that stays to watch its host; ``in_sight``, nodes by their ids, are processes here and need none.

    On cuda a process may get any GPU of its node, so all of them count. A node whose GPUs nobody can name counts by its processors.
    """

    def __init__(self, in_sight: Mapping[str, int] | None = None) -> None:
        self._where = {node: Monitor([pid]).where() for node, pid in (in_sight or {}).items()}
        self._unwatched: dict[str, Any] = {}

    def candidates(self, specs: Iterable[RunSpec]) -> frozenset[Device]:
        """See `Places`. A node that does not answer is left out: what runs there all the same is not held."""
        specs = list(specs)
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        fitting = {(node, spec.device) for node, offered in nodes.items() for spec in specs if _fits(spec, offered)}
        self._ask({node for node, _ in fitting})
        return frozenset().union(*(_devices(self._where[node], device) for node, device in fitting if node in self._where))

    def used(self, who: Mapping[str, Any], *, device: str) -> frozenset[Device]:
        """See `Places`."""
        return _devices(self._where.get(who["node_id"], {"host": who["host"], "gpus": []}), device)

    def newcomers(self) -> Iterator[tuple[str, str, Eyes]]:
        """Host, its name and eyes on it, of each node that has answered since the last time."""
        while self._unwatched:
            node, actor = self._unwatched.popitem()
            where = self._where[node]
            with contextlib.suppress(LostSightError):
                yield where["host"], where["hostname"], RemoteEyes(actor)

    def _ask(self, nodes: Iterable[str]) -> None:
        """Ask those that have not answered yet, all at once."""
        new = {node: _monitor(node) for node in nodes if node not in self._where}
        asked = {node: monitor.where.remote() for node, monitor in new.items()}
        for node, answer in asked.items():
            try:
                self._where[node] = ray.get(answer, timeout=ANSWER_TIMEOUT_S)
                self._unwatched[node] = new[node]
            except (RayError, TimeoutError):
                ray.kill(new[node])


def _devices(where: Mapping[str, Any], device: str) -> frozenset[Device]:
    gpus = where["gpus"] if device == "cuda" else []
    return frozenset(Device(gpu=uuid) for uuid in gpus) or frozenset({Device(host=where["host"])})


def _fits(spec: RunSpec, offered: Mapping[str, float]) -> bool:
    return spec.framework in offered and (spec.device != "cuda" or "GPU" in offered)


def _monitor(node: str) -> Any:
    here = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(Monitor).options(num_cpus=0, max_restarts=0, scheduling_strategy=here).remote()
