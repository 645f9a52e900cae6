"""The noise gate: on this machine with samples of the real /proc, and limits that make the verdict certain; on others through fakes."""

import math
import os
import time
from dataclasses import replace

import pytest

from levelfield.measure.gpu import GpuSample
from levelfield.measure.host import host_id
from levelfield.measure.noise import Limits
from orchestrator import sight, watch
from orchestrator.sight import LostSightError
from orchestrator.watch import Blind, ClusterWatch, merged
from tests.measure.fakes import S, sample

OPEN = {
    "foreign_cores": math.inf,
    "steal_share": 1.0,
    "throttled_cores": math.inf,
    "disturbed_share": 1.0,
    "baseline_pressure_share": 2.0,  # the kernel counts a little more than the time that has passed
    "baseline_shortest_ns": 0,
}


@pytest.fixture(autouse=True)
def short_baseline(monkeypatch):
    monkeypatch.setattr(watch, "BASELINE_S", 0.6)


def measure(limits, seconds=0.7, hosts=None):
    with ClusterWatch([os.getpid()], limits=limits) as watcher:
        hosts = [host_id()] if hosts is None else hosts
        watcher.settle(hosts)
        begun = watcher.mark(hosts)
        time.sleep(seconds)
        return watcher.evidence(hosts, begun)


def test_within_the_limits_it_is_valid_and_the_evidence_is_kept():
    seen = measure(Limits(**OPEN))
    assert (seen["valid"], seen["reasons"]) == (True, ())
    assert 0.5 < sum(window["wall_ns"] for window in seen["windows"]) / 1e9 < 5
    assert seen["baseline"]["wall_ns"] >= 0.5e9
    assert "foreign_cores" in seen["figures"]
    assert None not in [value for window in seen["windows"] for value in window.values()]


def test_beyond_a_limit_it_is_not():
    seen = measure(Limits(**OPEN | {"steal_share": -1.0}))
    assert not seen["valid"]
    assert any("hypervisor" in reason for reason in seen["reasons"])


def test_on_another_host_nobody_watched():
    assert measure(Limits(**OPEN), hosts=["another"]) is None
    assert measure(Limits(**OPEN), hosts=["another", host_id()]) is None


def test_without_a_baseline_nothing_is_judged():
    with ClusterWatch([os.getpid()]) as watcher:
        assert watcher.evidence([host_id()], watcher.mark([host_id()])) is None


def baselines(limits, monkeypatch):
    """Three in a row, the last one when the one before has grown old."""
    found = []
    with ClusterWatch([os.getpid()], limits=limits) as watcher:
        for fresh_s in (60.0, 60.0, 0.0):
            monkeypatch.setattr(sight, "FRESH_S", fresh_s)
            watcher.settle([host_id()])
            found.append(watcher._hosts[host_id()]._baseline)
    return found


def test_a_quiet_baseline_serves_for_some_minutes(monkeypatch):
    first, second, third = baselines(Limits(**OPEN), monkeypatch)
    assert first is second is not third


def test_a_baseline_that_was_not_quiet_is_taken_again(monkeypatch):
    first, second, _ = baselines(Limits(**OPEN | {"steal_share": -1.0}), monkeypatch)
    assert first is not second


def test_who_turned_the_gate_off_sees_nothing():
    Blind().settle([host_id()])
    assert Blind().evidence([host_id()], Blind().mark([host_id()])) is None


class FakeEyes:
    """On a host whose clock is ``offset_s`` ahead of a common one. ``foreign`` cores are busy besides ``own``, from second ``since`` on."""

    clock = 0
    disturbed_until = math.inf

    def __init__(self, host, offset_s, *, own=0.0, foreign=0.0, disturbed_from=0):
        self.host, self.offset, self.own, self.foreign, self.disturbed_from = host, offset_s, own, foreign, disturbed_from
        self.looks, self.lost, self.stopped = [], False, False

    def look(self):
        if self.lost:
            raise LostSightError
        at = FakeEyes.clock
        busy = round((self.own * at + self.foreign * max(0, min(at, self.disturbed_until) - self.disturbed_from)) * S)
        self.looks.append(sample(at + self.offset, host=self.host, busy_ns=busy, own_ns=round(self.own * at * S), pressure_ns=0))
        return self.looks[-1].at_ns

    def mark(self):
        return self.look()

    def since(self, at_ns):
        self.look()
        return [look.to_dict() for look in self.looks if look.at_ns >= at_ns]

    def stop(self):
        self.stopped = True


@pytest.fixture
def clock(monkeypatch):
    """Time passes while a baseline is taken, and when it is told to."""

    class Clock:
        def __call__(self, seconds):
            FakeEyes.clock += seconds

    FakeEyes.clock = 100
    monkeypatch.setattr(watch.time, "sleep", Clock())
    monkeypatch.setattr(watch, "BASELINE_S", 2)
    return Clock()


class Own:
    """In place of the monitor of this host."""

    foreign = 0.0

    def __init__(self, roots):
        self.eyes = FakeEyes("own", 0, foreign=self.foreign)
        self.mark, self.since, self.stop = self.eyes.mark, self.eyes.since, self.eyes.stop

    def where(self):
        return {"host": "own", "hostname": "here"}

    def start(self):
        pass


@pytest.fixture
def watching(monkeypatch, clock):
    monkeypatch.setattr(watch, "Monitor", Own)

    def watching(*eyes):
        """A watch to which these come at its first baseline."""
        left = [(one.host, f"name of {one.host}", one) for one in eyes]
        return ClusterWatch([1], newcomers=lambda: [left.pop(0) for _ in list(left)])

    return watching


def seen_on(watcher, clock, *hosts, seconds=4):
    watcher.settle(hosts)
    begun = watcher.mark(hosts)
    for _ in range(seconds):
        clock(1)
    return watcher.evidence(hosts, begun)


def test_another_host_is_judged_by_its_own_clock(watching, clock):
    """One booted a day later, the other a day before; on the second one somebody works from the end of the baseline on."""
    with watching(FakeEyes("a", -50), quietly := FakeEyes("b", 86400, foreign=1.0, disturbed_from=102)) as watcher:
        watcher.settle(["a", "b"])
        quiet = seen_on(watcher, clock, "a")
        assert quiet["valid"]
        assert sum(window["wall_ns"] for window in quiet["windows"]) == 4 * S
        assert quiet["windows"][0]["start_ns"] == 52 * S
        loud = seen_on(watcher, clock, "b")
        assert [reason for reason in loud["reasons"] if "foreign processes took 1.000 cores" in reason]
        assert loud["baseline"]["busy_ns"] == 0
    assert quietly.stopped


def test_energy_and_device_memory_are_told_with_the_judgement(watching, clock):
    class WithGpu(FakeEyes):
        def look(self):
            at = super().look()
            used = GpuSample(energy_mj=self.clock * 50_000, used_bytes=self.clock, processes=0, own_processes=0, throttle=())
            self.looks[-1] = replace(self.looks[-1], gpus={"GPU-a": used})
            return at

    with watching(WithGpu("far", 1000)) as watcher:
        found = seen_on(watcher, clock, "far", seconds=6)
    assert found["energy"] == {"GPU-a": {"joules": 300.0, "wall_ns": 6 * S, "idle_watts": 50.0}}
    assert found["device_peak_bytes"] == {"GPU-a": FakeEyes.clock}


def test_a_measurement_on_two_hosts_is_valid_where_both_were_quiet(watching, clock):
    with watching(FakeEyes("a", 0), FakeEyes("b", 7, foreign=0.5, disturbed_from=102), FakeEyes("c", 0)) as watcher:
        assert seen_on(watcher, clock, "a", "c")["valid"]
        seen = seen_on(watcher, clock, "a", "b")
    assert not seen["valid"]
    assert all(reason.startswith("on name of b: ") for reason in seen["reasons"])
    assert set(seen["hosts"]) == {"name of a", "name of b"}
    assert seen["figures"]["foreign_cores"] == pytest.approx(0.5)


def test_two_monitors_of_a_host_know_their_own_processes_each(watching, clock):
    """Two containers, of which neither sees the other's processes: what they use together is not foreign."""

    class Half(FakeEyes):
        def look(self):
            at, last = super().look(), self.looks[-1]
            self.looks[-1] = replace(last, own_ns=last.own_ns // 2)
            return at

    with watching(Half("a", 0, own=1.6), Half("a", 0, own=1.6)) as watcher:
        seen = seen_on(watcher, clock, "a")
    assert seen["figures"]["foreign_cores"] == pytest.approx(0)
    assert seen["figures"]["own_cores"] == pytest.approx(1.6)


def entered(clock, seconds=2):
    """A watch of this host, and what was its own monitor, which has seen so many seconds; and when that was."""
    watcher = ClusterWatch([1]).__enter__()
    clock(seconds)
    return watcher, watcher._own.eyes, FakeEyes.clock


def test_what_was_seen_while_a_cluster_was_joined_serves_as_a_baseline(watching, clock):
    watcher, _, now = entered(clock)
    watcher.settle(["own"])
    assert FakeEyes.clock == now
    assert watcher._hosts["own"]._baseline.wall_ns == 2 * S
    late, _, now = entered(clock, seconds=0.5)
    late.settle(["own"])
    assert FakeEyes.clock == now + 1.5, "it is still as long as any"


def test_a_baseline_from_the_beginning_that_was_not_quiet_is_taken_again(watching, clock, monkeypatch):
    monkeypatch.setattr(Own, "foreign", 1.0)
    watcher, eyes, now = entered(clock)
    eyes.disturbed_until = now
    watcher.settle(["own"])
    assert FakeEyes.clock == now + 2
    assert watcher._hosts["own"].is_settled


def test_where_processors_tell_their_energy_the_baseline_is_an_idle_one(watching, clock):
    watcher, eyes, now = entered(clock)
    look = eyes.look

    def with_package():
        at = look()
        eyes.looks[-1] = replace(eyes.looks[-1], rapl_uj={"package-0": 1})
        return at

    eyes.look = with_package
    watcher.settle(["own"])
    assert FakeEyes.clock == now + 2


def test_with_a_new_monitor_of_a_host_its_baseline_is_taken_anew(monkeypatch, clock):
    """Its node's processes were foreign in the old one."""
    monkeypatch.setattr(watch, "Monitor", Own)
    left = [("a", "a", FakeEyes("a", 0))]
    with ClusterWatch([1], newcomers=lambda: [left.pop(0) for _ in list(left)]) as watcher:
        watcher.settle(["a"])
        before = FakeEyes.clock
        watcher.settle(["a"])
        assert FakeEyes.clock == before
        left.append(("a", "a", FakeEyes("a", 0)))
        watcher.settle(["a"])
        assert FakeEyes.clock > before


def test_a_host_whose_monitor_is_lost_is_not_watched_any_more(watching, clock):
    lost = FakeEyes("a", 0)
    with watching(lost, FakeEyes("b", 0)) as watcher:
        assert seen_on(watcher, clock, "a")
        lost.lost = True
        assert seen_on(watcher, clock, "a") is None
        assert seen_on(watcher, clock, "a", "b") is None
        assert seen_on(watcher, clock, "b")["valid"]


def test_nothing_is_known_of_a_host_that_came_after_the_beginning(watching, clock):
    with watching(FakeEyes("a", 0)) as watcher:
        begun = watcher.mark(["a"])
        watcher.settle(["a"])
        assert watcher.evidence(["a"], begun) is None


def test_one_host_keeps_its_judgement_as_it_is():
    assert merged({"x": {"valid": True, "windows": []}}) == {"valid": True, "windows": []}
