"""Processes on the Ray cluster: actors in fresh processes of the framework's own environment, for each run and the duel after it."""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from levelfield.bursts import Burst
from levelfield.checkpoints import Keeping
from levelfield.run import event_from_dict
from levelfield.spec import RunSpec
from levelfield.tracks import TRACKS, Granularity
from levelfield.training import Event
from orchestrator.actor_gang import ActorGang
from orchestrator.actors import Actors, NotStartedError
from orchestrator.deaths import SilentError, died, reason_of
from orchestrator.gangs import GangProcess
from orchestrator.interfaces import BurstError, Placed, Process
from orchestrator.seats import Seats

SILENCE_S = 600.0
OWN_LOOP = 10  # times as long: nobody can look into the epochs of a framework's own loop


class RayExecutor:
    """Gives processes on the connected cluster; one that gives no sign of life for ``silence_s`` seconds is taken for lost."""

    def __init__(self, *, silence_s: float = SILENCE_S) -> None:
        self._actors, self._silence_s = Actors(), silence_s

    @contextmanager
    def process(self, spec: RunSpec, log: Path, seats: Seats) -> Iterator[Process]:
        """An actor of its own for each rank, which is ended with the block."""
        limit = self._silence_s * (1 if TRACKS[spec.track].granularity is Granularity.STEP else OWN_LOOP)
        kind = RayProcess if len(seats) == 1 else GangProcess
        process = kind(self._actors, spec, log, seats, silence_s=limit)
        try:
            yield process
        finally:
            process.end()


class RayProcess:
    """One actor: a run, and then bursts."""

    def __init__(self, actors: Actors, spec: RunSpec, log: Path, seats: Seats, *, silence_s: float = SILENCE_S) -> None:
        self._log, self._silence_s = log, silence_s
        self._alone = ActorGang(actors, spec, log, seats)
        [self._actor] = self._alone.members

    def run(self, keeping: Keeping | None = None) -> Generator[Placed | Event, None, None]:
        """Yields where the run is and its events; the last is always a `RunResult`, also when the actor's process dies.

        Raises ClusterError where the node runs other sources than this process.
        """
        try:
            [stream] = yield from self._alone.begin(keeping)
            yield from self._events(stream)
        except (RayError, NotStartedError, SilentError) as error:
            yield died(error, wall_ns=self._alone.age_ns, log=self._log)

    def _events(self, stream: Any) -> Iterator[Event]:
        """Raises SilentError where none comes for too long; the process is ended with its run."""
        while ray.wait([stream], timeout=self._silence_s)[0]:
            try:
                reference = next(stream)
            except StopIteration:
                return
            yield event_from_dict(ray.get(reference))
        raise SilentError(self._silence_s)

    def burst(self, target_ns: int) -> Burst:
        """Raises BurstError where the worker raised an exception or its process has died."""
        try:
            answer = ray.get(self._actor.burst.remote(target_ns))
        except RayError as error:
            raise BurstError(reason_of(error)) from error
        if "failure" in answer:
            raise BurstError(answer["failure"])
        return Burst(**answer)

    def exchange_ns(self) -> dict[str, list[float]]:
        """Nothing: it exchanges with nobody."""
        return {}

    def members(self) -> list[dict[str, Any]]:
        """Host, process, node and GPUs by UUID; what is not known yet is None."""
        return self._alone.known()

    def end(self) -> None:
        """End the actor's process."""
        self._alone.end()
