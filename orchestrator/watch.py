"""The noise gate: what goes on around a measurement on its hosts, judged from outside (methodology, rule 9).

Each host is watched by monitors on it, which look once a second and tell what they saw when the measurement is over. Moments are of the
host's own clock and are never compared with another host's.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, TypeVar

from levelfield.measure.devices import taken
from levelfield.measure.host import HostSample
from levelfield.measure.monitor import Monitor
from levelfield.measure.noise import Limits, is_quiet, judge
from levelfield.measure.windows import Window, join, windows

BASELINE_S = 1.0  # the limits ask for nine tenths
FRESH_S = 240.0  # the limits refuse a baseline that is older than five minutes

Marks: TypeAlias = Mapping[str, int]
T = TypeVar("T")


class Watcher(Protocol):
    """Something that watches hosts while others measure on them."""

    def settle(self) -> None:
        """Take a baseline where the last one has grown old; nothing of ours may be at work meanwhile."""
        ...

    def mark(self) -> Marks:
        """The beginning of a measurement: a moment of each host's own monotonic clock."""
        ...

    def evidence(self, hosts: Iterable[str], begun: Marks) -> dict[str, Any] | None:
        """What was seen on these hosts from ``begun`` until now, judged; None where nobody watched one of them."""
        ...


class Blind:
    """Watches nothing: for who has turned the gate off. Its measurements say that nobody watched."""

    def settle(self) -> None:
        """Take no baseline."""

    def mark(self) -> Marks:
        """No moment."""
        return {}

    def evidence(self, hosts: Iterable[str], begun: Marks) -> None:
        """Say nothing."""


class LostSightError(Exception):
    """A monitor does not answer any more."""


class Eyes(Protocol):
    """A monitor, here or on another host, which has been started. What it cannot tell raises LostSightError."""

    def mark(self) -> int:
        """Look now; the moment."""
        ...

    def since(self, at_ns: int) -> list[dict[str, Any]]:
        """All looks from the last one at or before that moment on, and one now."""
        ...

    def stop(self) -> None:
        """Look no more."""
        ...


class HostWatch:
    """Watches one host through ``eyes``, of which each knows other processes that are not foreign."""

    def __init__(self, hostname: str, eyes: Eyes, limits: Limits) -> None:
        self.hostname, self._eyes, self._limits = hostname, [eyes], limits
        self._baseline: Window | None = None
        self._idle: tuple[HostSample, HostSample] | None = None
        self._taken = 0.0

    def add(self, eyes: Eyes) -> None:
        """Look through these, too; what was normal without them is forgotten."""
        self._eyes.append(eyes)
        self._baseline = None

    def mark(self) -> int:
        """Look now; the moment."""
        first, *_ = [eyes.mark() for eyes in self._eyes]
        return first

    def serves_as_baseline(self, start_ns: int) -> bool:
        """Whether what was seen since may be a baseline though we were at work ourselves.

        Our own work is not foreign; pressure from it can only make the baseline fail. But idle power would be overstated, and a second
        monitor came later than the first.
        """
        return len(self._eyes) == 1 and not any(sample.rapl_uj for sample in self._seen(start_ns)[0])

    @property
    def is_settled(self) -> bool:
        """Whether there is a baseline, it is not some minutes old, and the machine was quiet then."""
        fresh = time.monotonic() - self._taken < FRESH_S
        return self._baseline is not None and fresh and is_quiet(self._baseline, self._limits)

    def settle(self, start_ns: int) -> None:
        """What was seen since is the baseline."""
        seen = self._seen(start_ns)
        self._baseline, self._idle = join(windows(seen, start_ns=start_ns)), (seen[0][0], seen[0][-1])
        self._taken = time.monotonic()

    def evidence(self, start_ns: int) -> dict[str, Any] | None:
        """What was seen since, judged by the last baseline, and what the devices took; None without a baseline."""
        if self._baseline is None:
            return None
        seen = self._seen(start_ns)
        judgement = judge(windows(seen, start_ns=start_ns), self._baseline, self._limits)
        return short(judgement.to_dict()) | taken(seen[0], self._idle)

    def stop(self) -> None:
        """Look no more."""
        for eyes in self._eyes:
            eyes.stop()

    def _seen(self, start_ns: int) -> list[list[HostSample]]:
        return [[HostSample.from_dict(sample) for sample in eyes.since(start_ns)] for eyes in self._eyes]


class ClusterWatch:
    """Watches this host, and every other that ``newcomers`` brings: a host's id, its name and eyes on it, each time that it is called.

    ``roots`` and their descendants on this host are not foreign: the orchestrator, whose children an embedded cluster and all of its
    workers are, and the nodes of another cluster. A host whose monitor does not answer any more is not watched any more.
    """

    def __init__(
        self,
        roots: Sequence[int],
        *,
        newcomers: Callable[[], Iterable[tuple[str, str, Eyes]]] = lambda: (),
        limits: Limits | None = None,
    ) -> None:
        self._own, self._newcomers, self._limits = Monitor(roots), newcomers, limits or Limits()
        self._hosts: dict[str, HostWatch] = {}
        self._entered: dict[str, int] = {}  # when, on this host

    def __enter__(self) -> Self:
        where = self._own.where()
        self._own.start()
        self._add(where["host"], where["hostname"], self._own)
        self._entered = {where["host"]: self._own.mark()}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for watch in self._hosts.values():
            watch.stop()

    def settle(self) -> None:
        """Take a baseline of a second on each host where there is none yet, or the last one serves no longer.

        The first one here may begin where the watch began: whoever joins a cluster has waited for that already.
        """
        for newcomer in self._newcomers():
            self._add(*newcomer)
        now = self._each(_mark, [host for host, watch in self._hosts.items() if not watch.is_settled])
        if not now:
            return
        early = {host: at for host, at in self._entered.items() if host in now and self._hosts[host].serves_as_baseline(at)}
        self._entered = {}
        starts = now | early
        time.sleep(max(0.0, BASELINE_S - min((now[host] - starts[host]) / 1e9 for host in now)))
        self._each(lambda host, watch: watch.settle(starts[host]), starts)
        if any(not self._hosts[host].is_settled for host in early if host in self._hosts):
            self.settle()

    def mark(self) -> Marks:
        """See `Watcher`."""
        return self._each(_mark, self._hosts)

    def evidence(self, hosts: Iterable[str], begun: Marks) -> dict[str, Any] | None:
        """See `Watcher`."""
        wanted = set(hosts)
        if not wanted or not wanted <= begun.keys() & self._hosts.keys():
            return None
        found = self._each(lambda host, watch: watch.evidence(begun[host]), wanted)
        known = {self._hosts[host].hostname: seen for host, seen in found.items() if seen is not None}
        return merged(known) if len(known) == len(wanted) else None

    def _add(self, host: str, hostname: str, eyes: Eyes) -> None:
        if host in self._hosts:
            self._hosts[host].add(eyes)
        else:
            self._hosts[host] = HostWatch(hostname, eyes, self._limits)

    def _each(self, call: Callable[[str, HostWatch], T], hosts: Iterable[str]) -> dict[str, T]:
        """What ``call`` gives for each of these hosts; one that is lost from sight is left out, from now on."""
        found: dict[str, T] = {}
        for host in list(hosts):
            try:
                found[host] = call(host, self._hosts[host])
            except LostSightError:
                del self._hosts[host]
        return found


def _mark(_host: str, watch: HostWatch) -> int:
    return watch.mark()


def merged(found: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One judgement from those of several hosts, by their names: valid where all are, with the worst of each figure. Not empty."""
    if len(found) == 1:
        return dict(next(iter(found.values())))
    figures = [seen["figures"] for seen in found.values()]
    return {
        "valid": all(seen["valid"] for seen in found.values()),
        "reasons": [f"on {host}: {reason}" for host, seen in found.items() for reason in seen["reasons"]],
        "figures": {name: max(some[name] for some in figures if name in some) for name in sorted(set().union(*figures))},
        "unobserved": sorted(set().union(*(seen["unobserved"] for seen in found.values()))),
        "hosts": dict(found),
    }


def short(judgement: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored with a measurement: the verdict, its figures, limits and the windows, without the fields that nobody could observe."""
    known = [{name: value for name, value in window.items() if value is not None} for window in judgement["windows"]]
    return {**judgement, "windows": known}
