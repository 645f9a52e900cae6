"""Looks at a host again and again, in a process of its own: in the measured one it would compete for the interpreter's lock.

``python -m levelfield.measure.sampler PID...`` watches these processes and their descendants. It writes a line of JSON when it has begun;
each line on its standard input is the name of a mark, which it answers when it has been set; when its input closes it writes its `Record`
and ends. So it ends with whoever started it.
"""

import argparse
import json
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from levelfield.measure.host import HostProbe, HostSample


class Probe(Protocol):
    """What can be sampled."""

    def sample(self) -> HostSample:
        """The counters now."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a sampler saw. ``marks`` are the moments of its named samples (CLOCK_MONOTONIC); ``cost_ns`` is the CPU time that it took."""

    samples: list[HostSample]
    marks: dict[str, int] = field(default_factory=dict)
    cost_ns: int

    @property
    def cost_cores(self) -> float:
        """What sampling took, in cores."""
        return self.cost_ns / (self.samples[-1].at_ns - self.samples[0].at_ns)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON can hold it."""
        return {"samples": [sample.to_dict() for sample in self.samples], "marks": self.marks, "cost_ns": self.cost_ns}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Record":
        """The inverse of `to_dict`."""
        return cls(**{**data, "samples": [HostSample.from_dict(sample) for sample in data["samples"]]})


class Sampler:
    """Samples in a thread, at the multiples of ``period_s`` on the host's monotonic clock.

    So the samplers of several containers look at the same moments, and their processes' CPU time belongs to the same windows.
    """

    def __init__(self, probe: Probe, period_s: float = 1.0) -> None:
        self._probe = probe
        self._period_ns = round(period_s * 1e9)
        self._lock = threading.Lock()  # a probe remembers its last look: one at a time
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="sampler", daemon=True)
        self._samples: list[HostSample] = []
        self._marks: dict[str, int] = {}
        self._cost_ns = 0  # of the callers' threads
        self._thread_cost_ns = 0
        self._error: Exception | None = None

    def start(self) -> HostSample:
        """Take the first sample and go on until `stop`."""
        sample = self._take_outside()
        self._thread.start()
        return sample

    def mark(self, name: str) -> HostSample:
        """Take a sample now and remember its moment under ``name``; the last one of a name counts.

        With several probes on a host set it at all of them: it is an edge of the windows, and what is not sampled there is interpolated.
        """
        sample = self._take_outside()
        self._marks[name] = sample.at_ns
        return sample

    def stop(self) -> list[HostSample]:
        """Take the last sample; all of them, in order. Raises what went wrong in between, if anything did."""
        self._stopped.set()
        self._thread.join()
        if self._error:
            raise self._error
        self._take_outside()
        return list(self._samples)

    def seen(self) -> list[HostSample]:
        """The samples so far, in order."""
        with self._lock:
            return list(self._samples)

    @property
    def record(self) -> Record:
        """What was seen, after `stop`."""
        return Record(samples=list(self._samples), marks=dict(self._marks), cost_ns=self._cost_ns + self._thread_cost_ns)

    def _take(self) -> HostSample:
        with self._lock:
            sample = self._probe.sample()
            self._samples.append(sample)
        return sample

    def _take_outside(self) -> HostSample:
        began_ns = time.thread_time_ns()
        sample = self._take()
        self._cost_ns += time.thread_time_ns() - began_ns
        return sample

    def _loop(self) -> None:
        try:
            while not self._stopped.wait((self._period_ns - time.monotonic_ns() % self._period_ns) / 1e9):
                self._take()
        except Exception as error:  # noqa: BLE001 - whatever it is, `stop` must tell it
            self._error = error
        self._thread_cost_ns = time.thread_time_ns()


def watch(sampler: Sampler, marks: Iterable[str], output: TextIO) -> None:
    """Sample while ``marks`` brings names, answering each with a line of JSON, then write the record."""
    began = sampler.start()
    _write(output, {"host": began.host, "at_ns": began.at_ns})
    for name in marks:
        _write(output, {"mark": name.strip(), "at_ns": sampler.mark(name.strip()).at_ns})
    sampler.stop()
    _write(output, sampler.record.to_dict())


def main(words: Sequence[str]) -> None:
    """Watch the processes whose ids are given, as the module says."""
    parser = argparse.ArgumentParser(description="Watch the host that these processes run on.")
    parser.add_argument("pids", nargs="+", type=int, help="processes that with their descendants are not foreign")
    parser.add_argument("--period-s", type=float, default=1.0)
    parser.add_argument("--gpu", action="append", help="UUID of a device in use (default: all)")
    options = parser.parse_args(words)
    watch(Sampler(HostProbe(options.pids, gpus=options.gpu), options.period_s), sys.stdin, sys.stdout)


def _write(output: TextIO, data: Mapping[str, Any]) -> None:
    output.write(json.dumps(data) + "\n")
    output.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
