"""The only stopwatch: phases of a run that add up to its wall clock."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Lap:
    """The duration of one visit to a phase; set when the phase is left."""

    ns: int = 0


class Stopwatch:
    """Adds up time by phase. It is never paused: what passes between two phases is the phase ``other``."""

    def __init__(self, clock: Callable[[], int], before_ns: Mapping[str, int]) -> None:
        """``clock`` counts nanoseconds; ``before_ns`` are phases that had passed when the watch was started."""
        self._clock = clock
        self._phases = dict(before_ns)
        self._before = sum(before_ns.values())
        self._started = clock()

    @contextmanager
    def phase(self, name: str) -> Iterator[Lap]:
        """Count the time inside the block to the phase ``name``, also when it ends by an exception."""
        lap = Lap()
        started = self._clock()
        try:
            yield lap
        finally:
            lap.ns = self._clock() - started
            self._phases[name] = self._phases.get(name, 0) + lap.ns

    def close(self) -> tuple[dict[str, int], int]:
        """All phases and the wall clock, in nanoseconds; the phases add up to it."""
        wall = self._clock() - self._started + self._before
        return self._phases | {"other": wall - sum(self._phases.values())}, wall
