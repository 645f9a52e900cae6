"""Does the pairs of a study, each in a thread of its own where several are at work at once, and has recorded what came of each."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from levelfield.checkpoints import Keeping
from levelfield.duel import ROUNDS, TARGET_NS, DuelResult
from levelfield.planning.plan import ATTEMPTS, PairWork
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedRun, RunSpec
from orchestrator.absence import LOOK_S, Absence
from orchestrator.bouts import Bouts
from orchestrator.evidence import UNJUDGED, hosts_of, note, reasons
from orchestrator.ground import Ground
from orchestrator.interfaces import Executor, Listener, Process
from orchestrator.leases import Lessor, Places, Seated
from orchestrator.lives import Lives, SeatLostError
from orchestrator.recording import Recorder
from orchestrator.seats import NoSeatError, Seats, has_cores_twice
from orchestrator.stopping import INTERRUPTED, WHOLE, CancelledError, Stop
from orchestrator.watch import Blind, Marks, Watcher

TRAINED = (Status.OK, Status.INVALID, Status.RESTARTED)  # its process lives and can give bursts


@dataclass(frozen=True, kw_only=True)
class Scheduler:
    """Does the work of one study, pair by pair. ``rounds``: bursts of each side in a duel; ``watcher`` judges whether hosts were quiet.

    ``places`` knows the devices, which a pair holds from before its baseline to the end of its duel: one lease, of which its sides are the
    tenants. ``isolation``: what of a host whose processors are used nobody else may measure on, `host` for all or `device`.
    ``checkpoints``: the folder of all checkpoints; None: a run whose process is lost begins again from scratch. ``stop`` ends what is at
    work, from another thread. ``absence`` says how long what has no place on the cluster waits for nodes that may come back.
    """

    recorder: Recorder
    executor: Executor
    listener: Listener
    logs: Path
    places: Places
    isolation: str = "host"
    checkpoints: Path | None = None
    watcher: Watcher = field(default_factory=Blind)
    stop: Stop = field(default_factory=Stop)
    rounds: int = ROUNDS
    target_ns: int = TARGET_NS
    absence: Absence = field(default_factory=Absence)

    def work(self, pair: PairWork) -> list[Status]:
        """Execute a pair and have it recorded; returns how each run and duel ended. What fails raises nothing.

        On KeyboardInterrupt, or a stop, what is in progress is ended and recorded as cancelled, and the exception goes on.
        """
        self.stop.check()
        return self._pair(pair)

    def _pair(self, pair: PairWork, lives: Mapping[str, Lives] | None = None) -> list[Status]:
        """The runs; then, where all of them ended well, the duel of the processes that did them, again if it was disturbed.

        ``lives``: those that the runs have had so far.
        """
        statuses: list[Status] = []
        lives = lives or {
            run.side: Lives(self._keeping(run, attempt), check=partial(self.stop.check, run.turn), pause=self.stop.pause)
            for run, attempt in pair.runs
        }
        is_told = False
        while True:
            left = replace(pair, runs=pair.runs[len(statuses) :])
            try:
                with ExitStack() as stack:
                    ground = Ground(seated=stack.enter_context(self._seated(left)), live={}, stack=stack)
                    self.absence.end(_specs(left).values())
                    self._measure(left, ground, lives, statuses)
                break
            except SeatLostError:
                continue  # what is left of the pair goes on where there is still a place
            except NoSeatError as error:
                if self.absence.may_wait(_specs(left).values()) and not any(self.stop.why_cancelled(run.turn) for run, _ in left.runs):
                    if not is_told:
                        self.recorder.patience.tell(f"waits for nodes: {error}")
                    is_told = True
                    self.stop.pause(LOOK_S)
                    continue
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
        self.watcher.settle(ground.hosts)
        for run, attempt in pair.runs:
            stays = pair.duel is not None and not ground.no_duel
            statuses.append(self._run(run, attempt, ground, lives[run.side], stays=stays))
        if pair.duel and all(status in TRAINED for status in statuses):
            statuses.append(self._bouts.duel(*pair.duel, ground))

    def _seated(self, pair: PairWork) -> AbstractContextManager[Seated]:
        specs = _specs(pair)
        recorder, waiting = self.recorder, partial(self.listener.waiting, pair.pair)
        lessor = Lessor(store=recorder.store, study_id=recorder.study_id, waiting=waiting, patience=recorder.patience)
        return lessor.seated(self.places, specs, isolation=self.isolation)

    def _not_placed(self, pair: PairWork, error: NoSeatError) -> Iterator[Status]:
        """What was to be done and has no place on what is left of the cluster."""
        now, failure = datetime.now(UTC), Failure(reason=f"cannot be placed: {error}", error_type=type(error).__name__)
        for run, attempt in pair.runs:
            result = RunResult(status=Status.FAILED, failure=failure)
            if why := self.stop.why_cancelled(run.turn):
                result = cancelled(why)
            self.recorder.run(run, attempt, result, now)
            self.listener.started(run, attempt)
            self.listener.event(run, result)
            yield result.status
        if pair.duel and not pair.runs:
            self.recorder.duel(*pair.duel, DuelResult(status=Status.FAILED, target_ns=self.target_ns, failure=failure), now)
            yield Status.FAILED

    def _run(self, run: PlannedRun, attempt: int, ground: Ground, lives: Lives, *, stays: bool) -> Status:
        self.stop.check()
        ground.seated.lease.ensure()
        self.listener.started(run, attempt)
        started_at = datetime.now(UTC)
        try:
            result = self._follow(run, attempt, ground, lives, started_at, stays=stays)
        except KeyboardInterrupt:
            if not self.recorder.is_kept(run, attempt):
                self._end(run, attempt, cancelled(self.stop.reason or INTERRUPTED), started_at, lives)
            raise
        except CancelledError as error:
            result = cancelled(str(error))
        self._end(run, attempt, result, started_at, lives)
        self.listener.event(run, result)
        return result.status

    def _follow(self, run: PlannedRun, attempt: int, ground: Ground, lives: Lives, started_at: datetime, *, stays: bool) -> RunResult:
        """The run from its process's start to its result, judged. Raises as `Stop.check` does."""
        begun, seats = self.watcher.mark(ground.hosts), ground.seated.seats[run.side]
        log = self._log(f"{name_of(run)}-{attempt}")
        with ExitStack() as own:
            # While there is a duel to come, its processes stay; without one, each has its devices to itself.
            result, process = lives.live(
                lambda: self._process(run.spec, log, seats, run.turn),
                ground.stack if stays else own,
                lambda event: self.listener.event(run, event),
                lambda: self.places.is_lost(seats),
            )
            self.stop.done(run.turn)
            alone = not ground.live
            ground.live[run.side] = process
            against = self._look_around(result, process, begun, alone=alone)
            flaw = ground.seated.lease.flaw(
                ground.used([run.side]), lambda: self.recorder.keep_run(run, attempt, unjudged(result, against), started_at)
            )
            judge(result, [*against, *([flaw] if flaw else [])])
            if has_cores_twice(seats):
                result.environment["cores_shared"] = True
            elif result.status in TRAINED and (exchange := process.exchange_ns()):
                result.environment["exchange"] = exchange
            if not stays:
                del ground.live[run.side]
        return result

    def _end(self, run: PlannedRun, attempt: int, result: RunResult, started_at: datetime, lives: Lives) -> None:
        self.recorder.run(run, attempt, result, started_at)
        lives.forget()

    @contextmanager
    def _process(self, spec: RunSpec, log: Path, seats: Seats, turn: int = WHOLE) -> Iterator[Process]:
        """A process that a stop ends. Raises as `Stop.check` does."""
        with self.executor.process(spec, log, seats) as process, self.stop.ending(process.end, turn):
            yield process

    def _keeping(self, run: PlannedRun, attempt: int) -> Keeping | None:
        """A place of its own; what an orchestrator that was killed has left there is of no use: its run begins again."""
        if self.checkpoints is None:
            return None
        keeping = Keeping(folder=self.checkpoints / self.recorder.study_id / f"{name_of(run)}-{attempt}")
        shutil.rmtree(keeping.folder, ignore_errors=True)
        return keeping

    def _look_around(self, result: RunResult, process: Process, begun: Marks, *, alone: bool) -> list[str]:
        """Note what went on around a run; why it does not count for timing."""
        members = process.members()
        seen = self.watcher.evidence(hosts_of(members), begun)
        note(result, seen, gpus=[gpu for who in members for gpu in who.get("gpus") or ()], alone=alone)
        return reasons(seen, None)

    @property
    def _bouts(self) -> Bouts:
        return Bouts(
            recorder=self.recorder,
            listener=self.listener,
            watcher=self.watcher,
            stop=self.stop,
            rounds=self.rounds,
            target_ns=self.target_ns,
            process=self._process,
            log=self._log,
        )

    def _log(self, name: str) -> Path:
        return self.logs / self.recorder.study_id / f"{_plain(name)}.log"


def name_of(run: PlannedRun) -> str:
    """As its log and its checkpoints are named."""
    return _plain(f"{run.turn:03d}-{run.side}")


def judge(result: RunResult, against: Sequence[str]) -> None:
    """A run that was disturbed, or had its devices not for itself, counts for learning alone."""
    if result.status is Status.OK and against:
        result.status, result.failure = Status.INVALID, Failure(reason="; ".join(against))


def unjudged(result: RunResult, against: Sequence[str]) -> RunResult:
    """What is kept of a run while the store, which holds its lease, is away: should nobody ask it later, the timing does not count."""
    found = replace(result)
    judge(found, [*against, UNJUDGED])
    return found


def _specs(pair: PairWork) -> dict[str, RunSpec]:
    """What is to sit somewhere, by side."""
    return {run.side: run.spec for run, _ in pair.runs} | dict(pair.duel[0].specs if pair.duel else {})


def cancelled(reason: str) -> RunResult:
    """A run that somebody ended."""
    return RunResult(status=Status.CANCELLED, failure=Failure(reason=reason))


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "-", name)
