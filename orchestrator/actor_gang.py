"""The actors of one run or recording, a rank each: started together, in one placement group where there are several, and ended together."""

import threading
import time
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from levelfield.checkpoints import Keeping
from levelfield.spec import RunSpec
from orchestrator.actors import ACTOR_TIMEOUT_S, Actors, NotStartedError, end
from orchestrator.interfaces import Placed
from orchestrator.seats import Seats

SLOT = 0.001  # of the resource by which a node offers its framework: what excludes others is the lease
NODE_LABEL = "ray.io/node-id"  # every node has it


class ActorGang:
    """``members`` and what they say of themselves, ``who``, stand in the order of the ranks; ``who`` is empty before `greet`."""

    def __init__(self, actors: Actors, spec: RunSpec, log: Path, seats: Seats) -> None:
        """Start an actor on each seat; they may not live yet. Each has a log of its own, named after ``log`` and its rank."""
        self._actors, self._spec, self._seats = actors, spec, seats
        self._started = time.perf_counter_ns()
        alone = len(seats) == 1
        self.logs = [log if alone else log.with_name(f"{log.stem}-rank{rank}{log.suffix}") for rank in range(len(seats))]
        self._group = None if alone else _group(spec, seats)
        self.members = [
            actors.start(spec, own, seat, bundle=self._group and PlacementGroupSchedulingStrategy(self._group, rank))
            for rank, (own, seat) in enumerate(zip(self.logs, seats, strict=True))
        ]
        self.who: list[dict[str, Any]] = [{} for _ in seats]
        self._ending, self._ended = threading.Lock(), False
        self._peers: list[str] = []

    @property
    def age_ns(self) -> int:
        """How long ago they were started."""
        return time.perf_counter_ns() - self._started

    def begin(self, keeping: Keeping | None) -> Generator[Placed, None, list[Any]]:
        """Wait until they live, give them their data and each other's endpoints, and begin the run; returns their streams of events.

        Yields where the first one is. Raises as `greet` does, and RayError where one dies.
        """
        self.greet()
        before = {"process_start": self.age_ns}
        yield Placed(hostname=self.who[0]["hostname"], pid=self.who[0]["pid"])
        sent = time.perf_counter_ns()
        self.send_data()
        peers, place = self.peers(), self._place(keeping)
        before |= {"data": time.perf_counter_ns() - sent}
        return [member.run.remote(self._spec.to_dict(), before, rank, peers, place) for rank, member in enumerate(self.members)]

    def greet(self) -> None:
        """Wait until all of them live.

        Raises NotStartedError where one does not start, and ClusterError where a node runs other sources than this process.
        """
        if self._group and not self._is_placed(self._group):
            names = ", ".join(dict.fromkeys(seat.hostname for seat in self._seats))
            where = f"no {len(self._seats)} places on {names}"
            raise NotStartedError(f"{where} within {ACTOR_TIMEOUT_S:.0f} s: a node may have ended")
        for rank, (member, seat) in enumerate(zip(self.members, self._seats, strict=True)):
            self.who[rank] = self._actors.greet(member, seat)
            self._actors.check_sources(self._spec.framework, self.who[rank])

    def _is_placed(self, group: PlacementGroup) -> bool:
        """Raises NotStartedError where the group has been removed."""
        try:
            return bool(group.wait(ACTOR_TIMEOUT_S))
        except RayError:
            raise
        except Exception as error:  # Ray has no class of its own for a group that is gone
            raise NotStartedError(f"its places were given up: {error}") from error

    def send_data(self) -> None:
        """Give their hosts the data, one after the other: those of one host share what the first one was sent."""
        for member in self.members:
            self._actors.send_data(member, self._spec)

    def peers(self) -> list[str]:
        """The endpoints of all ranks, always the same: a process is a rank of one gang alone. Of one alone, none."""
        if not self._peers:
            alone = len(self.members) == 1
            self._peers = [""] if alone else ray.get([member.endpoint.remote() for member in self.members])
        return self._peers

    def _place(self, keeping: Keeping | None) -> dict[str, str | None] | None:
        """Where checkpoints are kept, None unless all ranks can write them there; which one to go on from only if all of them have it."""
        if keeping is None:
            return None
        told = ray.get([member.can_keep.remote(keeping.to_dict(), rank) for rank, member in enumerate(self.members)])
        if not all(writable for writable, _ in told):
            return None
        return (keeping if all(there for _, there in told) else replace(keeping, after=None)).to_dict()

    def known(self) -> list[dict[str, Any]]:
        """Host, process, node and GPUs by UUID of each; what is not known yet is None."""
        return [{name: who.get(name) for name in ("hostname", "host", "pid", "node_id", "gpus")} for who in self.who]

    def end(self) -> None:
        """End the processes of all ranks; also from another thread, and more than once."""
        with self._ending:
            if self._ended:  # by now their process ids may be other processes'
                return
            self._ended = True
            for member, who in zip(self.members, self.who, strict=True):
                end(member, who)
            if self._group:
                with suppress(RayError):
                    remove_placement_group(self._group)


class RankError(Exception):
    """A rank could not do what all of them were asked for; the message names it."""


def answers_of(references: Sequence[Any]) -> list[Any]:
    """What the ranks answer, in their order. Raises RankError as soon as one fails: the others may wait for it without end."""
    found: dict[Any, Any] = {}
    while waiting := [reference for reference in references if reference not in found]:
        [ready], _ = ray.wait(waiting, num_returns=1)
        found[ready] = answer = ray.get(ready)
        if answer and "failure" in answer:
            rank = f"rank {references.index(ready)} of {len(references)}: " if len(references) > 1 else ""
            raise RankError(f"{rank}{answer['failure']}")
    return [found[reference] for reference in references]


def _group(spec: RunSpec, seats: Seats) -> PlacementGroup:
    """A bundle on the node of each seat. The seats have been chosen by the study's placement already."""
    nodes = [{NODE_LABEL: seat.node} for seat in seats]
    return placement_group([{spec.framework: SLOT}] * len(seats), strategy=spec.placement.upper(), bundle_label_selector=nodes)
