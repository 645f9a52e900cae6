"""Works through the pairs of a study, one at a time, and records what came of each. The only writer of runs and duels."""

import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from levelfield.bursts import Burst
from levelfield.duel import ROUNDS, TARGET_NS, DuelResult, Turn, take_turns
from levelfield.leases import Claim, Device
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey, RunSpec
from levelfield.store import Store
from levelfield.training import Event
from orchestrator.evidence import note, reasons
from orchestrator.leases import Held, Lessor, Nowhere, Places
from orchestrator.plan import ATTEMPTS, PairWork
from orchestrator.watch import Blind, Marks, Watcher

TRAINED = (Status.OK, Status.INVALID)  # its process lives and can give bursts
INTERRUPTED = Failure(reason="interrupted by the user")


class BurstError(Exception):
    """A process gave no burst; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A run has found its place: the process that will do it."""

    hostname: str
    pid: int


class Process(Protocol):
    """A fresh process of a framework's own environment: it does one run and then, while it lives, bursts."""

    def run(self) -> Generator[Placed | Event, None, None]:
        """Do the run; the last event is a `RunResult`, also when the process dies."""
        ...

    def burst(self, target_ns: int) -> Burst:
        """One burst after the run. Raises BurstError."""
        ...

    def who(self) -> dict[str, Any]:
        """Which process on which host it is."""
        ...


class Executor(Protocol):
    """Something that has processes to run in."""

    def process(self, spec: RunSpec, log: Path, *, share: float) -> AbstractContextManager[Process]:
        """A process for ``spec``, which ends with the block; its output goes to ``log``. ``share`` of its node is what it takes up."""
        ...


class Listener(Protocol):
    """Something that wants to know how the study goes on."""

    def waiting(self, claims: Sequence[Claim]) -> None:
        """The next pair waits for these, the first of whom holds its devices; for nobody any more where there is none."""
        ...

    def started(self, run: PlannedRun, attempt: int) -> None:
        """The run is next."""
        ...

    def event(self, run: PlannedRun, event: Placed | Event) -> None:
        """The run has sent an event."""
        ...

    def duel_started(self, duel: PlannedDuel, attempt: int, rounds: int) -> None:
        """The duel is next."""
        ...

    def duel_event(self, duel: PlannedDuel, event: Turn | DuelResult) -> None:
        """A side has had a turn, or the duel is over."""
        ...


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a pair is measured on: its live processes by side, what ends them, and the lease on their devices."""

    live: dict[str, Process]
    stack: ExitStack
    lease: Held


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """Does the work of one study. ``rounds``: bursts of each side in a duel; ``watcher`` judges whether the machine was quiet.

    ``places`` knows the devices, which a pair holds from before its baseline to the end of its duel: one lease, of which its sides are the
    tenants.
    """

    study_id: str
    executor: Executor
    store: Store
    listener: Listener
    logs: Path
    watcher: Watcher = field(default_factory=Blind)
    places: Places = field(default_factory=Nowhere)
    rounds: int = ROUNDS
    target_ns: int = TARGET_NS

    def work(self, todo: Iterable[PairWork]) -> list[Status]:
        """Execute and record the pairs in their order; returns how each run and duel ended. One that fails does not stop the others.

        On KeyboardInterrupt what is in progress is ended and recorded as cancelled, and the exception goes on.
        """
        return [status for pair in todo for status in self._pair(pair)]

    def _pair(self, pair: PairWork) -> list[Status]:
        """The runs; then, where all of them ended well, the duel of the processes that did them, again if it was disturbed."""
        with ExitStack() as stack:
            ground = Ground(live={}, stack=stack, lease=stack.enter_context(self._lease(pair)))
            self.watcher.settle()
            statuses = [self._run(run, attempt, pair, ground) for run, attempt in pair.runs]
            if pair.duel and all(status in TRAINED for status in statuses):
                statuses.append(self._duel(*pair.duel, ground))
        if pair.duel and statuses[-1] is Status.INVALID and len(statuses) > len(pair.runs) and pair.duel[1] < ATTEMPTS:
            # Fresh processes; what was trained stays as it is.
            statuses[-1:] = self._pair(replace(pair, runs=(), duel=(pair.duel[0], pair.duel[1] + 1)))
        return statuses

    def _lease(self, pair: PairWork) -> AbstractContextManager[Held]:
        specs = {run.side: run.spec for run, _ in pair.runs} | dict(pair.duel[0].specs if pair.duel else {})
        lessor = Lessor(store=self.store, study_id=self.study_id, waiting=self.listener.waiting)
        return lessor.lease(self.places.candidates(specs.values()), specs)

    def _run(self, run: PlannedRun, attempt: int, pair: PairWork, ground: Ground) -> Status:
        ground.lease.ensure()
        self.listener.started(run, attempt)
        started_at, begun = datetime.now(UTC), self.watcher.mark()
        log = self._log(f"{run.turn:03d}-{run.side}-{attempt}")
        result = RunResult(status=Status.FAILED, failure=Failure(reason="the worker ended without a result"))
        try:
            with ExitStack() as own:
                # While there is a duel to come, its processes share the node; without one, each has it to itself.
                share = 1 / pair.sides if pair.duel else 1.0
                process = (ground.stack if pair.duel else own).enter_context(self.executor.process(run.spec, log, share=share))
                result = self._follow(run, process) or result
                flaw = ground.lease.flaw(self._used([process.who()], run.spec))
                self._judge_run(result, process, begun, flaw=flaw, alone=not ground.live)
                ground.live[run.side] = process
        except KeyboardInterrupt:
            self._record(run, attempt, RunResult(status=Status.CANCELLED, failure=INTERRUPTED), started_at)
            raise
        self._record(run, attempt, result, started_at)
        self.listener.event(run, result)
        return result.status

    def _follow(self, run: PlannedRun, process: Process) -> RunResult | None:
        with closing(process.run()) as events:
            for event in events:
                if isinstance(event, RunResult):
                    return event
                self.listener.event(run, event)
        return None

    def _judge_run(self, result: RunResult, process: Process, begun: Marks, *, flaw: str | None, alone: bool) -> None:
        """Note what went on around a run; one that was disturbed, or had its devices not for itself, counts for learning alone."""
        who = process.who()
        seen = self.watcher.evidence([str(who["host"])], begun)
        note(result, seen, gpus=who.get("gpus") or (), alone=alone)
        if result.status is Status.OK and (against := reasons(seen, flaw)):
            result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))

    def _duel(self, duel: PlannedDuel, attempt: int, ground: Ground) -> Status:
        ground.lease.ensure()
        live = ground.live
        self.listener.duel_started(duel, attempt, self.rounds)
        started_at = datetime.now(UTC)
        result = DuelResult(status=Status.OK, target_ns=self.target_ns)
        try:
            self._make_ready(duel, attempt, ground)
            result.members = {side: live[side].who() for side in duel.specs}
            self.watcher.settle()
            begun = self.watcher.mark()
            for turn in take_turns(
                list(duel.specs), lambda side, ns: live[side].burst(ns), seed=duel.pair, rounds=self.rounds, target_ns=self.target_ns
            ):
                result.turns.append(turn)
                self.listener.duel_event(duel, turn)
            used = self._used(result.members.values(), next(iter(duel.specs.values())))
            self._judge_duel(result, begun, ground.lease.flaw(used))
        except BurstError as error:
            result.status, result.failure = Status.FAILED, Failure(reason=str(error))
        except KeyboardInterrupt:
            result.status, result.failure = Status.CANCELLED, INTERRUPTED
            self._record_duel(duel, attempt, result, started_at)
            raise
        self._record_duel(duel, attempt, result, started_at)
        self.listener.duel_event(duel, result)
        return result.status

    def _judge_duel(self, result: DuelResult, begun: Marks, flaw: str | None) -> None:
        seen = self.watcher.evidence([str(member["host"]) for member in result.members.values()], begun)
        result.evidence = seen or {}
        if against := reasons(seen, flaw):
            result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))

    def _used(self, members: Iterable[Mapping[str, Any]], spec: RunSpec) -> set[Device]:
        """The devices that these processes ran on; what did not start ran on none."""
        return {device for who in members if who["host"] for device in self.places.used(who, device=spec.device)}

    def _make_ready(self, duel: PlannedDuel, attempt: int, ground: Ground) -> None:
        """A process for each side whose run was done in an earlier session. Raises BurstError where one does not get ready."""
        for side, spec in duel.specs.items():
            if side not in ground.live:
                log = self._log(f"duel-{duel.pair:03d}-{side}-{attempt}")
                process = self.executor.process(replace(spec, trains=False), log, share=1 / len(duel.specs))
                ground.live[side] = ground.stack.enter_context(process)
                for event in ground.live[side].run():
                    if isinstance(event, RunResult) and event.status is not Status.OK:
                        raise BurstError(f"{side} did not get ready: {event.failure.reason if event.failure else event.status}")

    def _record(self, run: PlannedRun, attempt: int, result: RunResult, started_at: datetime) -> None:
        key = RunKey(study=self.study_id, spec_hash=run.spec.hash, side=run.side, attempt=attempt)
        self.store.record(key, run, result, started_at=started_at, finished_at=datetime.now(UTC))

    def _record_duel(self, duel: PlannedDuel, attempt: int, result: DuelResult, started_at: datetime) -> None:
        self.store.record_duel(self.study_id, duel, attempt, result, started_at=started_at, finished_at=datetime.now(UTC))

    def _log(self, name: str) -> Path:
        return self.logs / self.study_id / f"{re.sub(r'[^A-Za-z0-9_]+', '-', name)}.log"
