"""What the measuring half measures, with workers that only count."""

import math

import pytest

from bench import overhead_process
from bench.overhead import logs
from bench.overhead_process import BARE, PLATFORM, BareBurster, Contest, median_log
from levelfield.bursts import Burst


def a_burst(*, steps, discarded_steps=3, **fields):
    values = {"samples": steps * 2, "duration_ns": 10, "discarded_ns": 0, "cpu_ns": 0, "idle_cpu_ns": 0, "idle_ns": 0, "started_ns": 0}
    return Burst(**values | {"steps": steps, "discarded_steps": discarded_steps} | fields)


class CountingLoop:
    """A bare loop on a clock of its own: a step takes 5 ns, waiting for the device 1 ns."""

    batch_size = 4

    def __init__(self, monkeypatch):
        self.now, self.calls = 0, []
        monkeypatch.setattr(overhead_process, "load", lambda *_: self)
        monkeypatch.setattr(overhead_process.time, "perf_counter_ns", lambda: self.now)

    def train(self, n):
        self.calls.append(n)
        self.now += 5 * n

    def synchronize(self):
        self.calls.append("synchronize")
        self.now += 1


def test_a_bare_burst_waits_for_the_device_once_before_and_once_after_the_steps_that_count(monkeypatch):
    loop = CountingLoop(monkeypatch)
    burst = BareBurster("torch", None, None).burst(20, 3)
    assert loop.calls == [3, "synchronize", 20, "synchronize"]
    assert (burst.steps, burst.samples, burst.duration_ns) == (20, 80, 101)
    assert (burst.discarded_steps, burst.discarded_ns) == (3, 16)


def test_a_bare_burst_does_what_the_platforms_last_one_did():
    asked, amounts = [], iter(range(10, 100))

    def platform(target_ns):
        return a_burst(steps=next(amounts))

    def bare(steps, discarded_steps):
        asked.append((steps, discarded_steps))
        return a_burst(steps=steps, discarded_steps=discarded_steps)

    turns = list(Contest(platform, bare).turns(seed=1, rounds=20, target_ns=7))
    last = asked[1][0]  # after the one that compiles, and one or two of the round that brings both back to work
    for turn in turns:
        if turn.side == BARE:
            assert turn.burst.steps in (last, last + 1) or turn.round == 0
        last = turn.burst.steps
    assert asked[0] == (10, 3)
    assert [turn.round for turn in turns] == [number for number in range(20) for _ in range(2)]
    assert len({turns[at].side for at in range(0, 40, 2)}) == 2, "the same side began every round"


def test_what_lies_between_blocks_counts_and_what_is_discarded_does_not(monkeypatch):
    clock = [0]
    monkeypatch.setattr(overhead_process.time, "perf_counter_ns", lambda: clock[0])

    def spend(ns, **fields):
        clock[0] += ns
        return a_burst(steps=4, **fields)

    contest = Contest(
        lambda _: spend(1000, discarded_ns=300, duration_ns=600),  # 100 ns pass outside of its blocks
        lambda *_: spend(900, discarded_ns=300, duration_ns=600),
    )
    whole = {turn.side: turn.burst.whole_ns for turn in contest.turns(seed=1, rounds=1, target_ns=7)}
    assert whole == {PLATFORM: 700, BARE: 600}


def test_the_summary_of_a_machine_without_scipy_is_the_reports():
    times = {0: (100, 90), 1: (100, 120), 2: (80, 100)}
    turns = [
        {"round": number, "side": side, "burst": {"samples": 8, "whole_ns": ns}}
        for number, pair in times.items()
        for side, ns in zip((PLATFORM, BARE), pair, strict=True)
    ]
    assert median_log({"turns": turns}) == pytest.approx(math.log(1.2))
    assert logs([{"turns": turns}], "whole_ns") == [pytest.approx(math.log(1.2))]
