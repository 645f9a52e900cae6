"""One host, seen through the monitors on it: its baseline, and what went on there during a measurement, judged (methodology, rule 9)."""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from levelfield.measure.devices import taken
from levelfield.measure.host import HostSample
from levelfield.measure.noise import Limits, is_quiet, judge
from levelfield.measure.windows import Window, join, windows

T = TypeVar("T")
FRESH_S = 240.0  # the limits refuse a baseline that is older than five minutes


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
        self.settling = threading.Lock()
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
        return self._ask(lambda eyes: eyes.mark())[0]

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
        baseline, idle = join(windows(seen, start_ns=start_ns)), (seen[0][0], seen[0][-1])
        self._baseline, self._idle, self._taken = baseline, idle, time.monotonic()

    def evidence(self, start_ns: int) -> dict[str, Any] | None:
        """What was seen since, judged by the last baseline, and what the devices took; None without a baseline."""
        baseline, idle = self._baseline, self._idle  # another pair on this host may have it taken anew meanwhile
        if baseline is None:
            return None
        seen = self._seen(start_ns)
        judgement = judge(windows(seen, start_ns=start_ns), baseline, self._limits)
        return short(judgement.to_dict()) | taken(seen[0], idle)

    def stop(self) -> None:
        """Look no more."""
        for eyes in self._eyes:
            eyes.stop()

    def _seen(self, start_ns: int) -> list[list[HostSample]]:
        return self._ask(lambda eyes: [HostSample.from_dict(sample) for sample in eyes.since(start_ns)])

    def _ask(self, question: Callable[[Eyes], T]) -> list[T]:
        """What each of the eyes answers. Those that are lost, with the node whose processes they knew, are not asked again.

        Raises LostSightError where none is left.
        """
        answers, lost = [], []
        for eyes in list(self._eyes):
            try:
                answers.append(question(eyes))
            except LostSightError as error:
                lost.append((eyes, error))
        if not answers:
            raise lost[0][1]
        self._eyes = [eyes for eyes in self._eyes if eyes not in [gone for gone, _ in lost]]
        return answers


def short(judgement: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored with a measurement: the verdict, its figures, limits and the windows, without the fields that nobody could observe."""
    known = [{name: value for name, value in window.items() if value is not None} for window in judgement["windows"]]
    return {**judgement, "windows": known}
