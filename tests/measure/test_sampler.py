"""Sampling again and again, in this process and in one of its own."""

import io
import itertools
import json
import os
import subprocess
import sys
import threading

import pytest

from levelfield.measure.host import host_id
from levelfield.measure.sampler import Record, Sampler, watch
from levelfield.measure.windows import windows
from tests.measure.fakes import sample


class Probe:
    """Counts its samples, tells when there are enough, and may fail."""

    def __init__(self, enough=4, fails_at=None):
        self.count, self.enough, self.fails_at = itertools.count(), enough, fails_at
        self.reached = threading.Event()

    def sample(self):
        number = next(self.count)
        if number >= self.enough:
            self.reached.set()
        if number == self.fails_at:
            self.reached.set()
            raise OSError("no /proc any more")
        return sample(number)


def test_it_samples_until_it_is_stopped_and_counts_its_cost():
    probe = Probe()
    sampler = Sampler(probe, 0.01)
    first = sampler.start()
    assert probe.reached.wait(60)
    marked = sampler.mark("burst")
    samples = sampler.stop()
    assert samples[0] == first
    assert marked in samples
    assert len(samples) == next(probe.count) >= 7
    assert sampler.record.marks == {"burst": marked.at_ns}
    assert sampler.record.cost_ns > 0
    assert sampler.record.cost_cores > 0


def test_what_goes_wrong_while_sampling_is_told():
    probe = Probe(fails_at=2)
    sampler = Sampler(probe, 0.01)
    sampler.start()
    assert probe.reached.wait(60)
    with pytest.raises(OSError, match="no /proc any more"):
        sampler.stop()


def test_samples_are_taken_at_multiples_of_the_period(monkeypatch):
    """So the probes of several containers look at the same moments."""
    waits = []
    sampler = Sampler(Probe(), 2.0)
    monkeypatch.setattr("time.monotonic_ns", lambda: 7_500_000_000)
    monkeypatch.setattr(sampler._stopped, "wait", lambda seconds: waits.append(seconds) or len(waits) > 2)
    sampler._loop()
    assert waits == [0.5] * 3


def test_marks_are_answered_one_by_one_and_the_record_comes_last():
    output = io.StringIO()
    watch(Sampler(Probe(), 60.0), ["a\n", "b\n"], output)
    began, a, b, record = map(json.loads, output.getvalue().splitlines())
    assert (began["host"], a["mark"], b["mark"]) == ("h", "a", "b")
    assert Record.from_dict(record).to_dict() == record
    assert record["marks"] == {"a": a["at_ns"], "b": b["at_ns"]}


def test_a_process_of_its_own_watches_until_its_input_closes():
    command = [sys.executable, "-m", "levelfield.measure.sampler", str(os.getpid()), "--period-s", "0.05"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as monitor:
        assert json.loads(monitor.stdout.readline())["host"] == host_id()
        for name in ("start", "end"):
            monitor.stdin.write(f"{name}\n")
            monitor.stdin.flush()
            assert json.loads(monitor.stdout.readline())["mark"] == name
        record = Record.from_dict(json.loads(monitor.communicate()[0]))
    assert monitor.returncode == 0
    moments = [sample.at_ns for sample in record.samples]
    assert moments == sorted(moments)
    assert windows([record.samples], end_ns=record.marks["start"]) == []
