"""Several actors that do one run together, a rank each."""

import random
import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from levelfield.bursts import Burst
from levelfield.checkpoints import Keeping
from levelfield.gang import JOIN_TIMEOUT_S
from levelfield.ranks import GangBursts, joint_burst, joint_epoch, joint_result
from levelfield.result import Epoch, Failure, RunResult, Status
from levelfield.run import event_from_dict
from levelfield.spec import RunSpec
from levelfield.training import Alive, Event
from orchestrator.actor_gang import ActorGang, RankError, answers_of
from orchestrator.actors import Actors, NotStartedError, end
from orchestrator.deaths import SilentError, died, reason_of
from orchestrator.interfaces import BurstError, Placed
from orchestrator.seats import Seats

GRACE_S = 15.0  # for ranks to notice that another one has failed, and to say so; then they are ended
JOIN_LIMIT_S = JOIN_TIMEOUT_S + 30.0  # from the first rank that has come to the last; frameworks that have a limit tell first
EXCHANGE_ROUNDS, EXCHANGE_NS = 10, 100_000_000


class GangProcess:
    """The actors of one run, in the order of their ranks. Implements `interfaces.Process`."""

    def __init__(self, actors: Actors, spec: RunSpec, log: Path, seats: Seats, *, silence_s: float) -> None:
        self._spec, self._silence_s = spec, silence_s
        self._gang = ActorGang(actors, spec, log, seats)
        self._dead: set[int] = set()  # ranks whose processes died, or that did not come
        self._met: set[int] = set()  # ranks that have come to meet the others
        self._bursts: GangBursts | None = None

    def run(self, keeping: Keeping | None = None) -> Generator[Placed | Event, None, None]:
        """Yields where the first rank is, the events of all ranks put together, and last the `RunResult`, also when a rank dies.

        Raises ClusterError where a node runs other sources than this process.
        """
        try:
            streams = yield from self._gang.begin(keeping)
        except (RayError, NotStartedError) as error:
            yield died(error, wall_ns=self._gang.age_ns, log=self._gang.logs[0])
            return
        results: dict[int, RunResult] = {}
        try:
            yield from self._follow(streams, results)
        except ValueError as error:  # the ranks have not trained alike
            yield RunResult(status=Status.FAILED, wall_ns=self._gang.age_ns, failure=Failure(reason=str(error)))
            return
        # Others may have failed because of a process that died, and have told so before Ray did.
        failed = [rank for rank, result in results.items() if result.status is Status.FAILED]
        blamed = min(failed, key=lambda rank: rank not in self._dead, default=None)
        diverged = [rank for rank, result in results.items() if result.status is Status.DIVERGED]
        if diverged and blamed not in self._dead:  # one can diverge alone, on its share of the test examples; the others wait for it
            blamed = diverged[0]
        whole = joint_result([results[rank] for rank in sorted(results)], blamed=blamed)
        if whole.status is Status.OK:
            self._bursts = GangBursts(whole.blocks)
        yield whole

    def burst(self, target_ns: int) -> Burst:
        """Raises BurstError where a rank raised an exception or its process has died, or before a run that ended well."""
        return self._burst(target_ns, exchange=True)

    def exchange_ns(self) -> dict[str, list[float]]:
        """See `interfaces.Process`.

        By turns like a duel, on the same live processes, because two processes of one program differ persistently (rule 2).
        """
        found: dict[str, list[float]] = {"with": [], "without": []}
        rng = random.Random(self._spec.seed)  # noqa: S311 - a reproducible order, no secret
        with suppress(BurstError):  # the run itself has ended well
            for number in range(-1, EXCHANGE_ROUNDS):  # a first round, which does not count, compiles
                for name in rng.sample(list(found), 2):
                    burst = self._burst(EXCHANGE_NS, exchange=name == "with")
                    if number >= 0:
                        found[name].append(burst.duration_ns / burst.steps)
        return found

    def _burst(self, target_ns: int, *, exchange: bool) -> Burst:
        if self._bursts is None:
            raise BurstError("no run of this gang has ended well")
        numbers = self._bursts.blocks(target_ns)
        try:
            answers = answers_of([member.blocks.remote(*numbers, exchange=exchange) for member in self._gang.members])
        except RankError as error:
            raise BurstError(str(error)) from error
        except RayError as error:
            raise BurstError(reason_of(error)) from error
        burst = joint_burst([Burst(**answer) for answer in answers])
        if exchange:
            self._bursts.learn(burst)
        return burst

    def members(self) -> list[dict[str, Any]]:
        """Host, process, node and GPUs by UUID of each rank; what is not known yet is None."""
        return self._gang.known()

    def end(self) -> None:
        """End the processes of all ranks."""
        self._gang.end()

    def _follow(self, streams: Sequence[Any], results: dict[int, RunResult]) -> Iterator[Event]:
        """Yields each event that all ranks have had; fills ``results``, in the order in which the ranks ended.

        Raises ValueError where the ranks do not train one network.
        """
        waiting, seen = dict(enumerate(streams)), [deque[Event]() for _ in streams]
        deadline = time.monotonic() + self._silence_s
        while waiting:
            ready, _ = ray.wait(list(waiting.values()), num_returns=1, timeout=max(0.0, deadline - time.monotonic()))
            if not ready:
                self._give_up(waiting, results)
                return
            for rank in [rank for rank, stream in waiting.items() if stream in ready]:
                event = self._next(waiting[rank], rank)
                deadline = self._deadline(event, rank, deadline, results)
                if isinstance(event, RunResult):
                    del waiting[rank]
                    results[rank] = event
                elif not isinstance(event, Alive):
                    seen[rank].append(event)
            while all(seen):
                yield _joint([events.popleft() for events in seen])

    def _deadline(self, event: Event, rank: int, before: float, results: Mapping[int, RunResult]) -> float:
        """Until when the next event has to come: soon after a rank has failed, in time for all to meet, else a sign of life of anyone."""
        now = time.monotonic()
        if any(result.status is not Status.OK for result in results.values()):
            return before
        if isinstance(event, RunResult) and event.status is not Status.OK:
            return now + GRACE_S
        if isinstance(event, Alive) and event.phase == "join":
            self._met.add(rank)
            if len(self._met) < len(self._gang.members):
                return now + min(self._silence_s, JOIN_LIMIT_S) if len(self._met) == 1 else before
        return now + self._silence_s

    def _next(self, stream: Any, rank: int) -> Event:
        try:
            return event_from_dict(ray.get(next(stream)))
        except StopIteration:
            return RunResult(status=Status.FAILED, failure=Failure(reason="the worker ended without a result"))
        except RayError as error:
            self._dead.add(rank)
            return died(error, wall_ns=self._gang.age_ns, log=self._gang.logs[rank])

    def _give_up(self, waiting: Mapping[int, Any], results: dict[int, RunResult]) -> None:
        """End the ranks that have not ended by themselves, and say why: they did not come, wait for one that failed, or hang."""
        if not results and len(self._met) in {0, len(self._gang.members)}:
            reasons = dict.fromkeys(waiting, str(SilentError(self._silence_s)))
        else:
            late = "did not come to meet the others in time"
            reasons = {rank: "waited for another rank in vain" if rank in self._met else late for rank in waiting}
        for rank, reason in reasons.items():
            end(self._gang.members[rank], self._gang.who[rank])
            if rank not in self._met:
                self._dead.add(rank)
            results[rank] = RunResult(status=Status.FAILED, wall_ns=self._gang.age_ns, failure=Failure(reason=reason, lost=True))


def _joint(events: Sequence[Event]) -> Event:
    """The same event of all ranks, as one."""
    epochs = [event for event in events if isinstance(event, Epoch)]
    return joint_epoch(epochs) if len(epochs) == len(events) else events[0]
