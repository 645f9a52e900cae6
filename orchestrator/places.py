"""The devices of every node of the cluster on which Ray could start a process, the seats that they make, and the monitors there."""

import contextlib
import copy
import math
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from levelfield.leases import Device
from levelfield.measure.monitor import Monitor
from levelfield.spec import RunSpec
from orchestrator.seats import Offers, Seat, Seats, fits, parts_of
from orchestrator.sight import Eyes, LostSightError

ANSWER_TIMEOUT_S = 60.0  # the first answer: its process has to start
LOOK_TIMEOUT_S = 20.0
SILENT_S = 120.0  # before a node that did not answer is asked again: every pair would wait for it


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
    """Asks each node once, by an actor that stays to watch its host.

    ``in_sight``, nodes by their ids, are processes here and need none; None: so are all nodes, in our own process's care. ``shares``: into
    how many sets of cores the processors of a host are divided, each of them a device.
    """

    def __init__(self, in_sight: Mapping[str, int] | None = None, *, shares: int = 1) -> None:
        self._shares = shares
        self._here = Monitor([os.getpid()]).where() if in_sight is None else None
        self._where = {node: Monitor([pid]).where() for node, pid in (in_sight or {}).items()}
        self._unwatched: dict[str, Any] = {}
        self._silent: dict[str, float] = {}  # nodes that did not answer, and when
        self._asking = threading.Lock()  # pairs are placed in threads of their own

    def divided(self, shares: int) -> "ClusterPlaces":
        """The same cluster, which nobody asks again, with each host in so many sets of cores."""
        other = copy.copy(self)
        other._shares = shares  # noqa: SLF001 - of our own kind
        return other

    def offers(self, specs: Mapping[str, RunSpec]) -> Offers:
        """See `leases.Places`. A node that does not answer has no seat."""
        nodes = {node["NodeID"]: node["Resources"] for node in ray.nodes() if node["Alive"]}
        fitting = {side: [node for node, offered in nodes.items() if spec.framework in offered] for side, spec in specs.items()}
        with self._asking:
            self._ask({node for found in fitting.values() for node in found})
        seats = {side: [seat for node in fitting[side] for seat in self._seats_of(node, spec)] for side, spec in specs.items()}
        return Offers(specs=specs, by_side=seats)

    def is_lost(self, seats: Seats) -> bool:
        """See `leases.Places`."""
        return not {seat.node for seat in seats} <= {node["NodeID"] for node in ray.nodes() if node["Alive"]}

    def newcomers(self) -> Iterator[tuple[str, str, Eyes]]:
        """Host, its name and eyes on it, of each node that has answered since the last time."""
        while self._unwatched:
            with self._asking:
                node, actor = self._unwatched.popitem()
            where = self._where[node]
            with contextlib.suppress(LostSightError):
                yield where["host"], where["hostname"], RemoteEyes(actor)

    def _seats_of(self, node: str, spec: RunSpec) -> Iterator[Seat]:
        where = self._here or self._where.get(node)
        if where is None:
            return
        at = {"node": node, "host": where["host"], "hostname": where["hostname"]}
        for number, device in enumerate(_gpus(where) if spec.device == "cuda" else _processors(where, self._shares)):
            model = where["models"].get(device.gpu or "cpu", "")
            if fits(spec, model):
                yield Seat(**at, device=device, model=model, number=number if device.cores else 0)

    def _ask(self, nodes: Iterable[str]) -> None:
        """Ask those that have not answered yet, all at once."""
        now = time.monotonic()
        new = {
            node: _monitor(node)
            for node in nodes
            if not self._here and node not in self._where and now - self._silent.get(node, -math.inf) > SILENT_S
        }
        asked = {node: monitor.where.remote() for node, monitor in new.items()}
        for node, answer in asked.items():
            try:
                self._where[node] = ray.get(answer, timeout=ANSWER_TIMEOUT_S)
                self._unwatched[node] = new[node]
            except (RayError, TimeoutError):
                self._silent[node] = time.monotonic()
                ray.kill(new[node])


def _gpus(where: Mapping[str, Any]) -> list[Device]:
    return [Device(gpu=uuid) for uuid in where["gpus"]]


def _processors(where: Mapping[str, Any], shares: int) -> list[Device]:
    """All of a host's, or its shares. What several nodes of a host may use has to be the same for these to be the same devices."""
    if shares == 1:
        return [Device(host=where["host"])]
    return [Device(host=where["host"], cores=cores) for cores in parts_of(where["cores"], shares)]


def _monitor(node: str) -> Any:
    here = NodeAffinitySchedulingStrategy(node, soft=False)
    return ray.remote(Monitor).options(num_cpus=0, max_restarts=0, scheduling_strategy=here).remote()
