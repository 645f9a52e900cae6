"""The duel of a pair: the processes of its sides take turns, those that have trained or fresh ones."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from levelfield.duel import DuelResult, take_turns
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedDuel, RunSpec
from orchestrator.evidence import UNJUDGED, hosts_of, reasons
from orchestrator.ground import Ground
from orchestrator.interfaces import BurstError, Listener, Process
from orchestrator.recording import Recorder
from orchestrator.seats import Seats
from orchestrator.stopping import INTERRUPTED, Stop
from orchestrator.watch import Watcher


@dataclass(frozen=True, kw_only=True)
class Bouts:
    """Holds duels. ``process`` starts one for a specification, with a log, on its seats; ``log`` gives the file of a name."""

    recorder: Recorder
    listener: Listener
    watcher: Watcher
    stop: Stop
    rounds: int
    target_ns: int
    process: Callable[[RunSpec, Path, Seats], AbstractContextManager[Process]]
    log: Callable[[str], Path]

    def duel(self, duel: PlannedDuel, attempt: int, ground: Ground) -> Status:
        """Take the turns and have them recorded; how it ended. Raises KeyboardInterrupt where it is stopped."""
        ground.seated.lease.ensure()
        self.listener.duel_started(duel, attempt, self.rounds)
        started_at = datetime.now(UTC)
        result = DuelResult(status=Status.OK, target_ns=self.target_ns)
        try:
            if self._take_turns(duel, attempt, ground, result):
                self._judge(duel, attempt, ground, result, started_at)
        except BurstError as error:
            result.status, result.failure = Status.FAILED, Failure(reason=str(error))
            if self.stop.is_set:  # which ended the process
                self._cancel(duel, attempt, result, started_at)
                self.stop.check()
        except KeyboardInterrupt:
            if not self.recorder.is_kept(duel, attempt):
                self._cancel(duel, attempt, result, started_at)
            raise
        self.recorder.duel(duel, attempt, result, started_at)
        self.listener.duel_event(duel, result)
        return result.status

    def _cancel(self, duel: PlannedDuel, attempt: int, result: DuelResult, started_at: datetime) -> None:
        result.status, result.failure = Status.CANCELLED, Failure(reason=self.stop.reason or INTERRUPTED)
        self.recorder.duel(duel, attempt, result, started_at)

    def _take_turns(self, duel: PlannedDuel, attempt: int, ground: Ground, result: DuelResult) -> bool:
        """Fill ``result``; whether there were turns. Raises BurstError."""
        if ground.no_duel:
            result.status, result.failure = Status.UNSUPPORTED, Failure(reason=ground.no_duel)
            return False
        live = ground.live
        self._make_ready(duel, attempt, ground)
        result.members = {side: live[side].members() for side in duel.specs}
        self.watcher.settle(ground.hosts)
        begun = self.watcher.mark(ground.hosts)
        for turn in take_turns(
            list(duel.specs), lambda side, ns: live[side].burst(ns), seed=duel.pair, rounds=self.rounds, target_ns=self.target_ns
        ):
            result.turns.append(turn)
            self.listener.duel_event(duel, turn)
        seen = self.watcher.evidence(hosts_of(who for members in result.members.values() for who in members), begun)
        result.evidence = seen or {}
        return True

    def _judge(self, duel: PlannedDuel, attempt: int, ground: Ground, result: DuelResult, started_at: datetime) -> None:
        """Whether it counts. While the store is away, which holds its lease, it waits on disk as one of which nobody knows that."""
        seen = result.evidence or None
        unknown = replace(result, status=Status.INVALID, failure=Failure(reason="; ".join(reasons(seen, UNJUDGED))))
        flaw = ground.seated.lease.flaw(ground.used(duel.specs), lambda: self.recorder.keep_duel(duel, attempt, unknown, started_at))
        if against := reasons(seen, flaw):
            result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))

    def _make_ready(self, duel: PlannedDuel, attempt: int, ground: Ground) -> None:
        """A process for each side whose run was done in an earlier session. Raises BurstError where one does not get ready."""
        for side, spec in duel.specs.items():
            if side not in ground.live:
                log = self.log(f"duel-{duel.pair:03d}-{side}-{attempt}")
                process = self.process(replace(spec, trains=False), log, ground.seated.seats[side])
                ground.live[side] = ground.stack.enter_context(process)
                for event in ground.live[side].run():
                    if isinstance(event, RunResult) and event.status is not Status.OK:
                        raise BurstError(f"{side} did not get ready: {event.failure.reason if event.failure else event.status}")
