"""The noise gate on this machine: samples of the real /proc, with limits that make the verdict certain however busy it is."""

import math
import os
import time

import pytest

from levelfield.measure.host import host_id
from levelfield.measure.noise import Limits
from orchestrator import watch
from orchestrator.watch import Blind, HostWatch

OPEN = {
    "foreign_cores": math.inf,
    "steal_share": 1.0,
    "throttled_cores": math.inf,
    "disturbed_share": 1.0,
    "baseline_pressure_share": 1.0,
    "baseline_shortest_ns": 0,
}


@pytest.fixture(autouse=True)
def short_baseline(monkeypatch):
    monkeypatch.setattr(watch, "BASELINE_S", 0.6)


def measure(limits, seconds=0.7, hosts=None):
    with HostWatch([os.getpid()], limits=limits) as watcher:
        watcher.settle()
        start = time.monotonic_ns()
        time.sleep(seconds)
        return watcher.evidence([host_id()] if hosts is None else hosts, start, time.monotonic_ns())


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
    with HostWatch([os.getpid()]) as watcher:
        assert watcher.evidence([host_id()], 0, time.monotonic_ns()) is None


def baselines(limits, monkeypatch):
    """Three in a row, the last one when the one before has grown old."""
    found = []
    with HostWatch([os.getpid()], limits=limits) as watcher:
        for fresh_s in (60.0, 60.0, 0.0):
            monkeypatch.setattr(watch, "FRESH_S", fresh_s)
            watcher.settle()
            found.append(watcher._baseline)
    return found


def test_a_quiet_baseline_serves_for_some_minutes(monkeypatch):
    first, second, third = baselines(Limits(**OPEN), monkeypatch)
    assert first is second is not third


def test_a_baseline_that_was_not_quiet_is_taken_again(monkeypatch):
    first, second, _ = baselines(Limits(**OPEN | {"steal_share": -1.0}), monkeypatch)
    assert first is not second


def test_who_turned_the_gate_off_sees_nothing():
    Blind().settle()
    assert Blind().evidence([host_id()], 0, 1) is None
