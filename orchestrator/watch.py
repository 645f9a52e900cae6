"""The noise gate: what goes on around a measurement on its hosts, judged from outside (methodology, rule 9).

Each host is watched by monitors on it, which look once a second and tell what they saw when the measurement is over. Moments are of the
host's own clock and are never compared with another host's.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias, TypeVar

from levelfield.measure.monitor import Monitor
from levelfield.measure.noise import Limits
from orchestrator.sight import Eyes, HostWatch, LostSightError

BASELINE_S = 1.0  # the limits ask for nine tenths

Marks: TypeAlias = Mapping[str, int]
T = TypeVar("T")


class Watcher(Protocol):
    """Something that watches hosts while others measure on them."""

    def settle(self, hosts: Iterable[str]) -> None:
        """Take a baseline of these hosts where the last one has grown old; nothing of ours should be at work on them meanwhile."""
        ...

    def mark(self, hosts: Iterable[str]) -> Marks:
        """The beginning of a measurement on these hosts: a moment of each one's own monotonic clock."""
        ...

    def evidence(self, hosts: Iterable[str], begun: Marks) -> dict[str, Any] | None:
        """What was seen on these hosts from ``begun`` until now, judged; None where nobody watched one of them."""
        ...


class Blind:
    """Watches nothing: for who has turned the gate off. Its measurements say that nobody watched."""

    def settle(self, hosts: Iterable[str]) -> None:
        """Take no baseline."""

    def mark(self, hosts: Iterable[str]) -> Marks:
        """No moment of any host."""
        return dict.fromkeys(hosts, 0)

    def evidence(self, hosts: Iterable[str], begun: Marks) -> None:
        """Say nothing."""


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
        self._entering = threading.Lock()  # pairs are measured in threads of their own

    def __enter__(self) -> Self:
        where = self._own.where()
        self._own.start()
        self._add(where["host"], where["hostname"], self._own)
        self._entered = {where["host"]: self._own.mark()}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for watch in self._hosts.values():
            watch.stop()

    def settle(self, hosts: Iterable[str]) -> None:
        """Take a baseline of a second on each of these hosts where there is none yet, or the last one serves no longer.

        The first one here may begin where the watch began: whoever joins a cluster has waited for that already.
        """
        with self._entering:
            for newcomer in self._newcomers():
                self._add(*newcomer)
        wanted = {host: watch for host in sorted(set(hosts)) if (watch := self._hosts.get(host))}
        with ExitStack() as stack:  # pairs on the same host take one baseline; always in one order, so that they do not block each other
            for watch in wanted.values():
                stack.enter_context(watch.settling)
            self._settle(list(wanted))

    def _settle(self, hosts: Sequence[str]) -> None:
        now = self._each(_mark, [host for host in hosts if not self._is_settled(host)])
        if not now:
            return
        entered, self._entered = self._entered, {}
        own = {host: watch for host in entered if host in now and (watch := self._hosts.get(host))}
        early = {host: entered[host] for host, watch in own.items() if watch.serves_as_baseline(entered[host])}
        starts = now | early
        time.sleep(max(0.0, BASELINE_S - min((now[host] - starts[host]) / 1e9 for host in now)))
        self._each(lambda host, watch: watch.settle(starts[host]), starts)
        if not all(map(self._is_settled, early)):
            self._settle(hosts)

    def _is_settled(self, host: str) -> bool:
        """Also where it is not watched any more: there is nothing to settle."""
        return (watch := self._hosts.get(host)) is None or watch.is_settled

    def mark(self, hosts: Iterable[str]) -> Marks:
        """See `Watcher`."""
        return self._each(_mark, set(hosts) & self._hosts.keys())

    def evidence(self, hosts: Iterable[str], begun: Marks) -> dict[str, Any] | None:
        """See `Watcher`."""
        wanted = set(hosts)
        if not wanted or not wanted <= begun.keys() & self._hosts.keys():
            return None
        found = self._each(lambda host, watch: (watch.hostname, watch.evidence(begun[host])), wanted)
        known = {name: seen for name, seen in found.values() if seen is not None}
        return merged(known) if len(known) == len(wanted) else None

    def _add(self, host: str, hostname: str, eyes: Eyes) -> None:
        if watch := self._hosts.get(host):
            with watch.settling:
                watch.add(eyes)
        else:
            self._hosts[host] = HostWatch(hostname, eyes, self._limits)

    def _each(self, call: Callable[[str, HostWatch], T], hosts: Iterable[str]) -> dict[str, T]:
        """What ``call`` gives for each of these hosts; one that is lost from sight is left out, from now on."""
        found: dict[str, T] = {}
        for host in list(hosts):
            try:
                if watch := self._hosts.get(host):  # unless another pair's thread has lost it
                    found[host] = call(host, watch)
            except LostSightError:
                self._hosts.pop(host, None)
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
