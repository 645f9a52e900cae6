"""The noise gate: what goes on around a measurement on its hosts, judged from outside (methodology, rule 9)."""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self

from levelfield.measure.host import HostProbe, HostSample, host_id
from levelfield.measure.noise import Limits, is_quiet, judge
from levelfield.measure.sampler import Sampler
from levelfield.measure.windows import Window, join, windows

BASELINE_S = 1.2
FRESH_S = 240.0  # the limits refuse a baseline that is older than five minutes


class Watcher(Protocol):
    """Something that watches hosts while others measure on them."""

    def settle(self) -> None:
        """Take a baseline where the last one has grown old; nothing of ours may be at work meanwhile."""
        ...

    def evidence(self, hosts: Iterable[str], start_ns: int, end_ns: int) -> dict[str, Any] | None:
        """What was seen on these hosts between two moments of their monotonic clock, judged; None where nobody watched."""
        ...


class Blind:
    """Watches nothing: for who has turned the gate off. Its measurements say that nobody watched."""

    def settle(self) -> None:
        """Take no baseline."""

    def evidence(self, hosts: Iterable[str], start_ns: int, end_ns: int) -> None:
        """Say nothing."""


class HostWatch:
    """Watches this host.

    ``roots`` and their descendants are not foreign: the orchestrator, whose children an embedded cluster and all of its workers are, and
    the nodes of another cluster.
    """

    def __init__(self, roots: Sequence[int], *, limits: Limits | None = None) -> None:
        self._sampler = Sampler(HostProbe(roots))
        self._host, self._limits = host_id(), limits or Limits()
        self._baseline: Window | None = None
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._sampler.start()
        self._stack.callback(self._sampler.stop)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def settle(self) -> None:
        """Take a baseline of a second where there is none yet, the last one is some minutes old, or the machine was not quiet then."""
        if self._baseline and is_quiet(self._baseline, self._limits) and (time.monotonic_ns() - self._baseline.start_ns) / 1e9 < FRESH_S:
            return
        start = self._sampler.mark("baseline").at_ns
        time.sleep(BASELINE_S)
        end = self._sampler.mark("baseline").at_ns
        self._baseline = join(windows([self._seen(start, end)], start_ns=start, end_ns=end))

    def evidence(self, hosts: Iterable[str], start_ns: int, end_ns: int) -> dict[str, Any] | None:
        """Judged by the last baseline; None where the measurement was on another host, too, or no baseline was taken."""
        if set(hosts) != {self._host} or self._baseline is None:
            return None
        self._sampler.mark("end")
        # From the last look before it began: up to a second more.
        before = max((sample.at_ns for sample in self._sampler.seen() if sample.at_ns <= start_ns), default=start_ns)
        found = windows([self._seen(before, time.monotonic_ns())])
        judgement = judge([window for window in found if window.start_ns < end_ns], self._baseline, self._limits)
        return short(judgement.to_dict())

    def _seen(self, start_ns: int, end_ns: int) -> list[HostSample]:
        return [sample for sample in self._sampler.seen() if start_ns <= sample.at_ns <= end_ns]


def short(judgement: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored with a measurement: the verdict, its figures, limits and the windows, without the fields that nobody could observe."""
    known = [{name: value for name, value in window.items() if value is not None} for window in judgement["windows"]]
    return {**judgement, "windows": known}
