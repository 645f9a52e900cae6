"""Works through the pairs of a study, one at a time, and records what came of each. The only writer of runs and duels."""

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from levelfield.checkpoints import Keeping
from levelfield.duel import ROUNDS, TARGET_NS, DuelResult, take_turns
from levelfield.leases import Device
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunKey
from levelfield.store import Store
from orchestrator.evidence import hosts_of, note, reasons
from orchestrator.interfaces import BurstError, Executor, Listener, Process
from orchestrator.leases import Lessor, Places, Seated
from orchestrator.lives import Lives, SeatLostError
from orchestrator.plan import ATTEMPTS, PairWork
from orchestrator.seats import NoSeatError, has_cores_twice, like_devices
from orchestrator.watch import Blind, Marks, Watcher

TRAINED = (Status.OK, Status.INVALID, Status.RESTARTED)  # its process lives and can give bursts
INTERRUPTED = Failure(reason="interrupted by the user")


@dataclass(frozen=True, kw_only=True)
class Ground:
    """What a pair is measured on: where its sides sit, its live processes by side, and what ends them."""

    seated: Seated
    live: dict[str, Process]
    stack: ExitStack

    def used(self, sides: Iterable[str]) -> set[Device]:
        """The devices that the processes of these sides really have."""
        members = ((seat, who) for side in sides for seat, who in zip(self.seated.seats[side], self.live[side].members(), strict=False))
        return {device for seat, who in members for device in seat.used(who)}

    @property
    def no_duel(self) -> str | None:
        """Why these sides cannot take turns; None where they can."""
        if like_devices(self.seated.seats):
            return "the sides have no device in common: they ran on different devices of one model"
        if any(map(has_cores_twice, self.seated.seats.values())):
            return "more ranks than cores: that tests what is computed, and says nothing about speed"
        return None


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """Does the work of one study. ``rounds``: bursts of each side in a duel; ``watcher`` judges whether the machine was quiet.

    ``places`` knows the devices, which a pair holds from before its baseline to the end of its duel: one lease, of which its sides are the
    tenants. ``isolation``: what of a host whose processors are used nobody else may measure on, `host` for all or `device`.
    ``checkpoints``: the folder of all checkpoints; None: a run whose process is lost begins again from scratch.
    """

    study_id: str
    executor: Executor
    store: Store
    listener: Listener
    logs: Path
    places: Places
    isolation: str = "host"
    checkpoints: Path | None = None
    watcher: Watcher = field(default_factory=Blind)
    rounds: int = ROUNDS
    target_ns: int = TARGET_NS

    def work(self, todo: Iterable[PairWork]) -> list[Status]:
        """Execute and record the pairs in their order; returns how each run and duel ended. One that fails does not stop the others.

        On KeyboardInterrupt what is in progress is ended and recorded as cancelled, and the exception goes on.
        """
        return [status for pair in todo for status in self._pair(pair)]

    def _pair(self, pair: PairWork, lives: Mapping[str, Lives] | None = None) -> list[Status]:
        """The runs; then, where all of them ended well, the duel of the processes that did them, again if it was disturbed.

        ``lives``: those that the runs have had so far.
        """
        statuses: list[Status] = []
        lives = lives or {run.side: Lives(self._keeping(run, attempt)) for run, attempt in pair.runs}
        while True:
            left = replace(pair, runs=pair.runs[len(statuses) :])
            try:
                with ExitStack() as stack:
                    ground = Ground(seated=stack.enter_context(self._seated(left)), live={}, stack=stack)
                    self._measure(left, ground, lives, statuses)
                break
            except SeatLostError:
                continue  # what is left of the pair goes on where there is still a place
            except NoSeatError as error:
                if len(left.runs) > 1:  # a side that has lost its nodes does not stop the others
                    alone = (replace(left, runs=(run,), duel=None) for run in left.runs)
                    return [*statuses, *(status for one in alone for status in self._pair(one, lives))]
                return [*statuses, *self._not_placed(left, error)]
        if pair.duel and statuses[-1] is Status.INVALID and len(statuses) > len(pair.runs) and pair.duel[1] < ATTEMPTS:
            # Fresh processes; what was trained stays as it is.
            statuses[-1:] = self._pair(replace(pair, runs=(), duel=(pair.duel[0], pair.duel[1] + 1)))
        return statuses

    def _measure(self, pair: PairWork, ground: Ground, lives: Mapping[str, Lives], statuses: list[Status]) -> None:
        """What is left of a pair; ``statuses``, those of what was done of it before, grow."""
        self.watcher.settle()
        for run, attempt in pair.runs:
            stays = pair.duel is not None and not ground.no_duel
            statuses.append(self._run(run, attempt, ground, lives[run.side], stays=stays))
        if pair.duel and all(status in TRAINED for status in statuses):
            statuses.append(self._duel(*pair.duel, ground))

    def _seated(self, pair: PairWork) -> AbstractContextManager[Seated]:
        specs = {run.side: run.spec for run, _ in pair.runs} | dict(pair.duel[0].specs if pair.duel else {})
        lessor = Lessor(store=self.store, study_id=self.study_id, waiting=self.listener.waiting)
        return lessor.seated(self.places, specs, isolation=self.isolation)

    def _not_placed(self, pair: PairWork, error: NoSeatError) -> Iterator[Status]:
        """What was to be done and has no place on what is left of the cluster."""
        now, failure = datetime.now(UTC), Failure(reason=f"cannot be placed: {error}", error_type=type(error).__name__)
        for run, attempt in pair.runs:
            result = RunResult(status=Status.FAILED, failure=failure)
            self._record(run, attempt, result, now)
            self.listener.started(run, attempt)
            self.listener.event(run, result)
            yield result.status
        if pair.duel and not pair.runs:
            self._record_duel(*pair.duel, DuelResult(status=Status.FAILED, target_ns=self.target_ns, failure=failure), now)
            yield Status.FAILED

    def _run(self, run: PlannedRun, attempt: int, ground: Ground, lives: Lives, *, stays: bool) -> Status:
        ground.seated.lease.ensure()
        self.listener.started(run, attempt)
        started_at, begun = datetime.now(UTC), self.watcher.mark()
        log, seats = self._log(f"{_name(run)}-{attempt}"), ground.seated.seats[run.side]
        try:
            with ExitStack() as own:
                # While there is a duel to come, its processes stay; without one, each has its devices to itself.
                result, process = lives.live(
                    lambda: self.executor.process(run.spec, log, seats),
                    ground.stack if stays else own,
                    lambda event: self.listener.event(run, event),
                    lambda: self.places.is_lost(seats),
                )
                alone = not ground.live
                ground.live[run.side] = process
                self._judge_run(result, process, begun, flaw=ground.seated.lease.flaw(ground.used([run.side])), alone=alone)
                if has_cores_twice(seats):
                    result.environment["cores_shared"] = True
                elif result.status in TRAINED and (exchange := process.exchange_ns()):
                    result.environment["exchange"] = exchange
                if not stays:
                    del ground.live[run.side]
        except KeyboardInterrupt:
            self._record(run, attempt, RunResult(status=Status.CANCELLED, failure=INTERRUPTED), started_at)
            lives.forget()
            raise
        self._record(run, attempt, result, started_at)
        lives.forget()
        self.listener.event(run, result)
        return result.status

    def _keeping(self, run: PlannedRun, attempt: int) -> Keeping | None:
        """A place of its own; what an orchestrator that was killed has left there is of no use: its run begins again."""
        if self.checkpoints is None:
            return None
        keeping = Keeping(folder=self.checkpoints / self.study_id / f"{_name(run)}-{attempt}")
        shutil.rmtree(keeping.folder, ignore_errors=True)
        return keeping

    def _judge_run(self, result: RunResult, process: Process, begun: Marks, *, flaw: str | None, alone: bool) -> None:
        """Note what went on around a run; one that was disturbed, or had its devices not for itself, counts for learning alone."""
        members = process.members()
        seen = self.watcher.evidence(hosts_of(members), begun)
        note(result, seen, gpus=[gpu for who in members for gpu in who.get("gpus") or ()], alone=alone)
        if result.status is Status.OK and (against := reasons(seen, flaw)):
            result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))

    def _duel(self, duel: PlannedDuel, attempt: int, ground: Ground) -> Status:
        ground.seated.lease.ensure()
        self.listener.duel_started(duel, attempt, self.rounds)
        started_at = datetime.now(UTC)
        result = DuelResult(status=Status.OK, target_ns=self.target_ns)
        try:
            self._take_turns(duel, attempt, ground, result)
        except BurstError as error:
            result.status, result.failure = Status.FAILED, Failure(reason=str(error))
        except KeyboardInterrupt:
            result.status, result.failure = Status.CANCELLED, INTERRUPTED
            self._record_duel(duel, attempt, result, started_at)
            raise
        self._record_duel(duel, attempt, result, started_at)
        self.listener.duel_event(duel, result)
        return result.status

    def _take_turns(self, duel: PlannedDuel, attempt: int, ground: Ground, result: DuelResult) -> None:
        """Fill ``result``. Raises BurstError."""
        if ground.no_duel:
            result.status, result.failure = Status.UNSUPPORTED, Failure(reason=ground.no_duel)
            return
        live = ground.live
        self._make_ready(duel, attempt, ground)
        result.members = {side: live[side].members() for side in duel.specs}
        self.watcher.settle()
        begun = self.watcher.mark()
        for turn in take_turns(
            list(duel.specs), lambda side, ns: live[side].burst(ns), seed=duel.pair, rounds=self.rounds, target_ns=self.target_ns
        ):
            result.turns.append(turn)
            self.listener.duel_event(duel, turn)
        seen = self.watcher.evidence(hosts_of(who for members in result.members.values() for who in members), begun)
        result.evidence = seen or {}
        if against := reasons(seen, ground.seated.lease.flaw(ground.used(duel.specs))):
            result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))

    def _make_ready(self, duel: PlannedDuel, attempt: int, ground: Ground) -> None:
        """A process for each side whose run was done in an earlier session. Raises BurstError where one does not get ready."""
        for side, spec in duel.specs.items():
            if side not in ground.live:
                log = self._log(f"duel-{duel.pair:03d}-{side}-{attempt}")
                process = self.executor.process(replace(spec, trains=False), log, ground.seated.seats[side])
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
        return self.logs / self.study_id / f"{_plain(name)}.log"


def _name(run: PlannedRun) -> str:
    return _plain(f"{run.turn:03d}-{run.side}")


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)
