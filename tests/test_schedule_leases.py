"""The schedule with leases in a real store: when a pair holds its devices, and what a lost lease makes of what was measured."""

import threading
from dataclasses import replace

import pytest

from levelfield.leases import Device
from levelfield.result import Status
from levelfield.store import Store, leasing
from orchestrator import leases as holding
from orchestrator.leases import Lessor
from orchestrator.recording import Recorder
from orchestrator.schedule import Scheduler
from orchestrator.seats import Offers, Seat
from tests.test_holding import take_over
from tests.test_schedule import ROUNDS, SIDES, FakeWatcher, World, alone, with_duel

HOST = Device(host="h")


class Home:
    """All nodes are on the host "h"."""

    def offers(self, specs):
        assert {spec.framework for spec in specs.values()} <= set(SIDES)
        seats = (Seat(node="n", host="h", hostname="h", device=HOST),)
        return Offers(specs=specs, by_side=dict.fromkeys(specs, seats))

    def is_lost(self, seats):
        return False


class LeasedWorld(World):
    """Notes who holds leases at whatever happens; ``steal`` says at which of these moments another study takes over."""

    def __init__(self, store, *, steal=(), **world):
        super().__init__(**world)
        self.db, self.steal, self.moments, self.waits = store, set(steal), [], []
        self.locking, self.read = store.locking, store.read

    def waiting(self, pair, claims):
        self.waits.append([claim.study_id for claim in claims])
        leasing.release(self.db, "stranger")

    def note(self, *moment):
        self.moments.append((moment, [(claim.study_id, claim.tenants) for claim in leasing.claims(self.db)]))
        if moment in self.steal:
            self.steal.discard(moment)
            take_over(self.db)

    def settle(self, hosts):
        assert hosts == {"h"}
        self.note("settle")

    def mark(self, hosts):
        return {}

    def evidence(self, hosts, begun):
        return None

    def started(self, run, attempt):
        self.note("run", run.side, attempt)

    def duel_started(self, duel, attempt, rounds):
        self.note("duel", attempt)

    def work(self, todo, tmp_path):
        recorder = Recorder(store=self, study_id="mine", folder=tmp_path / "unrecorded")
        given = {"executor": self, "listener": self, "watcher": self, "logs": tmp_path, "places": Home()}
        scheduler = Scheduler(recorder=recorder, rounds=ROUNDS, target_ns=1, **given)
        return [status for pair in todo for status in scheduler.work(pair)]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr(holding, "FRESH_S", -1.0)  # the tests take leases away at once
    monkeypatch.setattr(holding, "POLL_S", 0.01)
    with Store.open(str(tmp_path / "levelfield.db")) as opened:
        yield opened


def test_a_pair_holds_its_devices_from_its_baseline_to_the_end_of_its_duel(store, tmp_path):
    world = LeasedWorld(store)
    assert world.work([with_duel(0)], tmp_path) == [Status.OK] * 3
    moments = [("settle",), ("run", "torch", 1), ("run", "tensorflow", 1), ("duel", 1), ("settle",)]
    assert world.moments == [(moment, [("mine", SIDES)]) for moment in moments]
    assert leasing.claims(store) == []
    assert world.waits == []


def test_between_its_pairs_a_study_lets_another_one_in(store, tmp_path):
    """The other asks while the first pair is at work, and has its turn before the second one."""
    world, order = LeasedWorld(store), []
    asks = threading.Event()

    def other():
        with Lessor(store=store, study_id="other", waiting=lambda claims: asks.set()).lease([HOST], []):
            order.append(("other", [run[1] for run in world.recorded]))

    thread = threading.Thread(target=other)

    def started(run, attempt):
        if run.pair == 0:
            thread.start()
            assert asks.wait(10)

    world.started = started
    assert world.work([alone(0), alone(1)], tmp_path) == [Status.OK] * 2
    thread.join()
    assert order == [("other", [0])]


def test_a_run_whose_lease_was_lost_does_not_count_for_timing_and_the_next_one_waits_until_it_is_held_again(store, tmp_path):
    world = LeasedWorld(store, steal=[("run", "torch", 1)])
    assert world.work([with_duel(0)], tmp_path) == [Status.INVALID, Status.OK, Status.OK]
    assert world.waits == [["other"], []]
    assert [told[0] for told in world.told][:2] == ["run", "run"]
    assert leasing.claims(store) == []


def test_a_duel_whose_lease_was_lost_is_kept_and_repeated(store, tmp_path):
    world = LeasedWorld(store, steal=[("duel", 1)])
    assert world.work([with_duel(0)], tmp_path) == [Status.OK] * 3
    assert [(attempt, result.status) for _, attempt, result in world.duels] == [(1, Status.INVALID), (2, Status.OK)]
    assert world.duels[0][2].failure.reason == "the lease on host:h/cpu expired meanwhile, and another study took it"
    assert len(world.duels[0][2].turns) == 2 * ROUNDS


def test_what_ran_on_a_host_that_was_not_held_does_not_count(store, tmp_path):
    world = LeasedWorld(store)
    world.host = "elsewhere"
    assert world.work([alone(0)], tmp_path) == [Status.INVALID]


def test_both_reasons_are_told(store, tmp_path):
    world = LeasedWorld(store)
    world.host = "elsewhere"
    watcher = FakeWatcher(*[False] * 9)
    world.mark, world.evidence = watcher.mark, watcher.evidence
    world.work([replace(with_duel(0), runs=())], tmp_path)
    reason = world.duels[0][2].failure.reason
    assert "foreign processes" in reason
    assert "; it ran on host:elsewhere/cpu, which this study did not hold" in reason


def test_an_interrupt_while_a_pair_waits_records_nothing_and_leaves_the_queue(store, tmp_path):
    world = LeasedWorld(store)

    def interrupt(pair, claims):
        raise KeyboardInterrupt

    world.waiting = interrupt
    with Lessor(store=store, study_id="other", waiting=lambda claims: None).lease([HOST], []):
        with pytest.raises(KeyboardInterrupt):
            world.work([with_duel(0)], tmp_path)
        assert [claim.study_id for claim in leasing.claims(store)] == ["other"]
    assert (world.recorded, world.duels, world.told) == ([], [], [])
