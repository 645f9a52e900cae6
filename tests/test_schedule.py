"""The schedule alone, with an executor that does nothing."""

from contextlib import contextmanager, nullcontext
from dataclasses import fields, replace
from types import SimpleNamespace

import pytest

from levelfield.bursts import Burst
from levelfield.checkpoints import Saved
from levelfield.duel import DuelResult
from levelfield.leases import Device
from levelfield.planning.plan import PairWork
from levelfield.result import Failure, RunResult, Status
from levelfield.spec import PlannedDuel, PlannedRun, RunSpec
from orchestrator.interfaces import BurstError
from orchestrator.leases import Lessor, Unheld
from orchestrator.recording import Recorder
from orchestrator.schedule import Scheduler
from orchestrator.seats import NoSeatError, Seat

SIDES = ("torch", "tensorflow")
ROUNDS = 3


def planned(pair, side="torch"):
    return PlannedRun(spec=RunSpec(workload="digits_cnn", framework=side, mode="m", seed=pair), side=side, pair=pair, turn=pair)


def alone(pair):
    return PairWork(pair=pair, runs=((planned(pair), 1 + pair),), duel=None)


def with_duel(pair, *, runs=SIDES, attempt=1):
    specs = {side: planned(pair, side).spec for side in SIDES}
    duel = PlannedDuel(specs=specs, workload="digits_cnn", seed=pair, pair=pair)
    return PairWork(pair=pair, runs=tuple((planned(pair, side), 1) for side in runs), duel=(duel, attempt))


class FakeProcess:
    def __init__(self, world, spec):
        self.world, self.spec = world, spec

    def run(self, keeping=None):
        self.world.told.append(("run", self.spec.framework, self.spec.seed, self.spec.trains))
        end = self.world.ends.get((self.spec.framework, self.spec.seed), Status.OK)
        if isinstance(end, BaseException):
            raise end
        if end:
            yield RunResult(status=end, failure=Failure(reason="because") if end is not Status.OK else None)

    def burst(self, target_ns):
        self.world.told.append(("burst", self.spec.framework, self.spec.seed, frozenset(self.world.live)))
        if error := self.world.burst_error:
            raise error
        return Burst(**dict.fromkeys((f.name for f in fields(Burst)), 1))

    def exchange_ns(self):
        return {}

    def members(self):
        return [{"pid": id(self), "host": self.world.host, "gpus": ["GPU-a"]}]

    def end(self):
        self.world.told.append(("end", self.spec.framework, self.spec.seed))


class World:
    """Stands for the executor, the store and the listener."""

    host, no_seat = "h", None

    def __init__(self, ends=None, burst_error=None):
        self.ends, self.burst_error = ends or {}, burst_error
        self.told, self.recorded, self.memory, self.duels, self.live, self.seats_given = [], [], [], [], [], []

    @contextmanager
    def process(self, spec, log, seats):
        self.live.append(spec.framework)
        self.seats_given.append(seats)
        try:
            yield FakeProcess(self, spec)
        finally:
            self.live.remove(spec.framework)

    def record(self, key, run, result, *, started_at, finished_at):
        assert started_at <= finished_at
        assert key.spec_hash == run.spec.hash
        self.recorded.append((run.side, run.spec.seed, key.attempt, result.status))
        self.memory.append(result.memory_bytes)

    def record_duel(self, study, duel, attempt, result, *, started_at, finished_at):
        assert started_at <= finished_at
        self.duels.append((duel.pair, attempt, result))

    def offers(self, specs):
        return SimpleNamespace(choose=lambda claims=(): self.seats(specs, claims))

    def seats(self, specs, claims):
        """Nowhere in particular: there is no device to hold."""
        if isinstance(self.no_seat, Exception):
            raise self.no_seat
        return dict.fromkeys(specs, ())

    def is_lost(self, seats):
        return False

    def waiting(self, pair, claims): ...

    def started(self, run, attempt): ...

    def event(self, run, event): ...

    def duel_started(self, duel, attempt, rounds): ...

    def duel_event(self, duel, event): ...

    def scheduler(self, tmp_path, **given):
        recorder = Recorder(store=self, study_id="s", folder=tmp_path / "unrecorded")
        given = {"executor": self, "listener": self, "logs": tmp_path, "places": self} | given
        return Scheduler(recorder=recorder, rounds=ROUNDS, target_ns=1, **given)

    def work(self, todo, tmp_path, watcher=None, **given):
        scheduler = self.scheduler(tmp_path, **{"watcher": watcher} if watcher else {}, **given)
        try:
            return [status for pair in todo for status in scheduler.work(pair)]
        finally:
            assert self.live == [], "a process was left behind"


def test_every_run_is_recorded_once_and_a_failure_stops_nothing(tmp_path):
    world = World({("torch", 1): Status.FAILED})
    assert world.work(map(alone, range(3)), tmp_path) == [Status.OK, Status.FAILED, Status.OK]
    assert world.recorded == [("torch", 0, 1, Status.OK), ("torch", 1, 2, Status.FAILED), ("torch", 2, 3, Status.OK)]


def test_what_has_no_place_any_more_has_failed_and_says_why(tmp_path):
    world = World()
    world.no_seat = NoSeatError("a device is needed")
    assert world.work([alone(0), with_duel(1), with_duel(2, runs=())], tmp_path) == [Status.FAILED] * 4
    assert [entry[0] for entry in world.recorded] == ["torch", "torch", "tensorflow"]
    assert [(pair, result.failure.reason) for pair, _, result in world.duels] == [(2, "cannot be placed: a device is needed")]
    assert world.told == []


def test_sides_that_have_no_place_together_any_more_go_on_alone_from_where_they_were(tmp_path):
    """The node of one side is lost in mid-run: that side is given another one, where the other side cannot be."""
    world, after = World(), []
    run = FakeProcess.run

    def loses_its_node(process, keeping=None):
        after.append((process.spec.framework, keeping.after and keeping.after.name))
        if len(after) == 1:
            yield Saved(epoch=3, folder=str(keeping.folder / "epoch-3"))
            yield RunResult(status=Status.FAILED, failure=Failure(reason="it died", lost=True))
        else:
            yield from run(process)

    def seats(specs, claims):
        if len(specs) == len(SIDES) and after:
            raise NoSeatError("not both")
        return dict.fromkeys(specs, ())

    world.seats, world.is_lost = seats, lambda _: True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FakeProcess, "run", loses_its_node)
        statuses = world.work([with_duel(0)], tmp_path, checkpoints=tmp_path)
    assert statuses == [Status.RESTARTED, Status.OK]
    assert after == [("torch", None), ("torch", "epoch-3"), ("tensorflow", None)]
    assert world.duels == [], "a later session has the duel, where there is a place for both"


class HeldAtOnce(Unheld):
    def __init__(self, devices):
        self.devices = devices


def seat(device, node="n"):
    return Seat(node=node, host="h", hostname="h", device=device, model="M")


@pytest.mark.parametrize(
    ("seats", "why"),
    [
        ({side: (seat(Device(gpu=f"GPU-{side}")),) for side in SIDES}, "no device in common"),
        (dict.fromkeys(SIDES, (seat(Device(host="h", cores=frozenset({0}))),) * 2), "more ranks than cores"),
    ],
)
def test_sides_that_cannot_take_turns_have_no_duel_and_nobody_tries_again(tmp_path, seats, why):
    world = World()
    world.seats = lambda specs, claims: seats
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Lessor, "_lease", lambda _, devices, tenants, want: nullcontext(HeldAtOnce(want(()))))
        assert world.work([with_duel(0)], tmp_path) == [Status.OK, Status.OK, Status.UNSUPPORTED]
    assert why in world.duels[0][2].failure.reason
    assert not any(told[0] == "burst" for told in world.told)
    assert world.seats_given == [seats[side] for side in SIDES]


def test_a_run_without_a_result_has_failed(tmp_path):
    world = World({("torch", 0): None})
    assert world.work([alone(0)], tmp_path) == [Status.FAILED]
    assert world.recorded[0][3] is Status.FAILED


def test_an_interrupt_is_recorded_for_the_run_in_progress_and_ends_the_study(tmp_path):
    world = World({("torch", 1): KeyboardInterrupt()})
    with pytest.raises(KeyboardInterrupt):
        world.work(map(alone, range(3)), tmp_path)
    assert [entry[1::2] for entry in world.recorded] == [(0, Status.OK), (1, Status.CANCELLED)]


def test_the_processes_that_trained_go_on_to_the_duel(tmp_path):
    world = World()
    assert world.work([with_duel(0), with_duel(1)], tmp_path) == [Status.OK] * 6
    runs = [told for told in world.told if told[0] == "run"]
    assert runs == [("run", side, pair, True) for pair in range(2) for side in SIDES], "no process was started for the duel alone"
    bursts = [told for told in world.told if told[0] == "burst"]
    assert all(live == frozenset(SIDES) for *_, live in bursts), "both are alive"
    assert len(bursts) == 2 * 2 * (1 + ROUNDS)
    for _, attempt, result in world.duels:
        assert (attempt, result.status, len(result.turns)) == (1, Status.OK, 2 * ROUNDS)
        assert set(result.members) == set(SIDES)
    assert [pair for pair, *_ in world.duels] == [0, 1]


def test_a_duel_whose_runs_are_done_gets_fresh_processes_that_do_not_train(tmp_path):
    world = World()
    assert world.work([with_duel(4, runs=(), attempt=2)], tmp_path) == [Status.OK]
    assert [told for told in world.told if told[0] == "run"] == [("run", side, 4, False) for side in SIDES]
    assert world.recorded == []
    assert world.duels[0][:2] == (4, 2)


def test_only_the_side_that_is_missing_is_made_ready(tmp_path):
    world = World()
    world.work([with_duel(4, runs=("tensorflow",))], tmp_path)
    assert [told for told in world.told if told[0] == "run"] == [("run", "tensorflow", 4, True), ("run", "torch", 4, False)]


@pytest.mark.parametrize("end", [Status.FAILED, Status.DIVERGED])
def test_there_is_no_duel_after_a_run_that_did_not_end_well(tmp_path, end):
    world = World({("tensorflow", 0): end})
    assert world.work([with_duel(0)], tmp_path) == [Status.OK, end]
    assert world.duels == []


def test_a_burst_that_fails_fails_the_duel_and_keeps_the_runs(tmp_path):
    world = World(burst_error=BurstError("the worker process died"))
    assert world.work([with_duel(0), alone(1)], tmp_path) == [Status.OK, Status.OK, Status.FAILED, Status.OK]
    assert world.duels[0][2].failure.reason == "the worker process died"
    assert [entry[3] for entry in world.recorded] == [Status.OK] * 3


def test_a_process_that_does_not_get_ready_fails_the_duel(tmp_path):
    world = World({("tensorflow", 0): Status.FAILED})
    assert world.work([with_duel(0, runs=())], tmp_path) == [Status.FAILED]
    assert world.duels[0][2].failure.reason == "tensorflow did not get ready: because"


def test_an_interrupted_duel_is_recorded_as_cancelled_and_its_runs_stay(tmp_path):
    world = World(burst_error=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        world.work([with_duel(0), with_duel(1)], tmp_path)
    [(pair, attempt, result)] = world.duels
    assert isinstance(result, DuelResult)
    assert (pair, attempt, result.status) == (0, 1, Status.CANCELLED)
    assert [entry[3] for entry in world.recorded] == [Status.OK] * 2


class FakeWatcher:
    """Sees disturbances where ``answers`` say so, in the order in which it is asked; quiet afterwards. None: nobody watched."""

    def __init__(self, *answers):
        self.answers, self.asked, self.settled = list(answers), [], []

    def settle(self, hosts=()):
        self.settled.append(len(self.asked))

    def mark(self, hosts=()):
        return {"h": len(self.asked)}

    def evidence(self, hosts, begun):
        assert begun == self.mark(), "marked after what was before it was judged"
        self.asked.append(list(hosts))
        valid = self.answers.pop(0) if self.answers else True
        reasons = [] if valid else ["foreign processes took 1.000 cores more than before (limit 0.050)"]
        return None if valid is None else {"valid": valid, "reasons": reasons, "figures": {}, "unobserved": [], "windows": []}


def test_a_disturbed_run_counts_for_learning_alone_and_its_process_goes_on_to_the_duel(tmp_path):
    world, watcher = World(), FakeWatcher(False, True, True)
    assert world.work([with_duel(0)], tmp_path, watcher) == [Status.INVALID, Status.OK, Status.OK]
    assert [entry[3] for entry in world.recorded] == [Status.INVALID, Status.OK]
    assert watcher.asked == [["h"]] * 3
    assert watcher.settled[0] == 0, "the baseline is taken before anything is at work"


def test_only_the_run_that_has_the_gpu_for_itself_tells_the_peak_of_its_memory(tmp_path):
    class WithGpu(FakeWatcher):
        def evidence(self, hosts, begun):
            return super().evidence(hosts, begun) | {"device_peak_bytes": {"GPU-a": 7}}

    world = World()
    world.work([with_duel(0), alone(1)], tmp_path, WithGpu())
    assert world.memory == [{"device_peak": 7}, {}, {"device_peak": 7}], "the first side's process waits for the duel on the same GPU"


def test_a_disturbed_duel_is_kept_and_repeated_by_fresh_processes_that_do_not_train(tmp_path):
    world = World()
    assert world.work([with_duel(0)], tmp_path, FakeWatcher(True, True, False)) == [Status.OK] * 3
    assert [(attempt, result.status) for _, attempt, result in world.duels] == [(1, Status.INVALID), (2, Status.OK)]
    assert "foreign processes" in world.duels[0][2].failure.reason
    assert world.duels[0][2].evidence["valid"] is False
    assert len(world.duels[0][2].turns) == 2 * ROUNDS, "what was measured is kept"
    assert [told[3] for told in world.told if told[0] == "run"] == [True, True, False, False]
    assert len(world.recorded) == 2


def test_a_machine_that_is_never_quiet_is_given_up(tmp_path):
    world = World()
    # Two runs are judged only in the first attempt; fresh processes that do not train are no runs.
    assert world.work([with_duel(0)], tmp_path, FakeWatcher(*[False] * 20)) == [Status.INVALID] * 3
    assert [(attempt, result.status) for _, attempt, result in world.duels] == [(n, Status.INVALID) for n in (1, 2, 3)]


def test_what_nobody_watched_is_not_judged(tmp_path):
    world = World()
    assert world.work([with_duel(0)], tmp_path, FakeWatcher(None, None, None)) == [Status.OK] * 3
    assert world.duels[0][2].evidence == {}


def test_the_spec_of_a_fresh_process_is_that_of_the_run_but_for_training(tmp_path):
    spec = planned(0).spec
    assert replace(spec, trains=False).hash != spec.hash
