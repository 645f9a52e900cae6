"""Where a pair's processes may run: the devices of every node of the cluster that Ray could choose. See `leases.Places`."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from levelfield.leases import Device
from levelfield.measure.monitor import Monitor
from levelfield.spec import RunSpec

ANSWER_TIMEOUT_S = 60.0


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


class ClusterPlaces:
    """Asks each node once. ``monitors`` are the actors that answered, by node: they stay, to watch their hosts.

    On cuda a process may get any GPU of its node, so all of them count. A node whose GPUs nobody can name counts by its processors.
    """

    def __init__(self) -> None:
        self._where: dict[str, dict[str, Any]] = {}
        self.monitors: dict[str, Any] = {}

    def candidates(self, specs: Iterable[RunSpec]) -> frozenset[Device]:
        """See `Places`. A node that does not answer is left out: what runs there all the same is not held."""
        specs = list(specs)
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        fitting = {(node, spec.device) for node, offered in nodes.items() for spec in specs if _fits(spec, offered)}
        self.ask({node for node, _ in fitting})
        return frozenset().union(*(_devices(self._where[node], device) for node, device in fitting if node in self._where))

    def used(self, who: Mapping[str, Any], *, device: str) -> frozenset[Device]:
        """See `Places`."""
        return _devices(self._where.get(who["node_id"], {"host": who["host"], "gpus": []}), device)

    def where(self, node: str) -> Mapping[str, Any] | None:
        """What `Monitor.where` said on that node; None where it was not asked or did not answer."""
        return self._where.get(node)

    def ask(self, nodes: Iterable[str]) -> None:
        """Ask those that have not answered yet, all at once."""
        new = {node: _monitor(node) for node in nodes if node not in self._where}
        asked = {node: monitor.where.remote() for node, monitor in new.items()}
        for node, answer in asked.items():
            with contextlib.suppress(RayError, TimeoutError):
                self._where[node] = ray.get(answer, timeout=ANSWER_TIMEOUT_S)
                self.monitors[node] = new[node]


def _devices(where: Mapping[str, Any], device: str) -> frozenset[Device]:
    gpus = where["gpus"] if device == "cuda" else []
    return frozenset(Device(gpu=uuid) for uuid in gpus) or frozenset({Device(host=where["host"])})


def _fits(spec: RunSpec, offered: Mapping[str, float]) -> bool:
    return spec.framework in offered and (spec.device != "cuda" or "GPU" in offered)


def _monitor(node: str) -> Any:
    here = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(Monitor).options(num_cpus=0, max_restarts=0, scheduling_strategy=here).remote()
