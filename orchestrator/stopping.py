"""Ends what is at work in other threads, in order: a study as a whole, or one of its runs."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

WHOLE = -1  # the turn of no run
END_S = 2.0
INTERRUPTED = "interrupted by the user"


class CancelledError(Exception):
    """Somebody has cancelled this run; the others of its study go on."""


class Stop:
    """What a study's threads look at when a process is lost, when they wait, and before they begin something.

    A process is ended from outside: its run is then lost, which `check` tells apart from a loss by accident. Thread-safe.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._lock = threading.Lock()
        self._wanted: dict[int, str] = {}
        self._at_work: dict[object, tuple[int, Callable[[], object]]] = {}
        self._set = threading.Event()

    @property
    def is_set(self) -> bool:
        """Whether the whole study is to stop."""
        return self._set.is_set()

    def set(self, reason: str) -> None:
        """Stop the study, for this reason; what comes later changes nothing."""
        with self._lock:
            if self._set.is_set():
                return
            self.reason = reason
            self._set.set()
        self._end(lambda _: True)

    def cancel(self, turn: int, reason: str) -> None:
        """Stop the run of that turn."""
        with self._lock:
            self._wanted.setdefault(turn, reason)
        self._end(lambda at_work: at_work == turn)

    def why_cancelled(self, turn: int) -> str:
        """Why the run of that turn is to stop; empty where it is not."""
        return self._wanted.get(turn, "")

    def check(self, turn: int = WHOLE) -> None:
        """Raises KeyboardInterrupt where the study is to stop, and CancelledError where the run of that turn is."""
        if self.is_set:
            raise KeyboardInterrupt(self.reason)
        if reason := self._wanted.get(turn):
            raise CancelledError(reason)

    def pause(self, seconds: float) -> None:
        """Sleep, unless the study is to stop: raises as `check` does, at once."""
        self._set.wait(seconds)
        self.check()

    @contextmanager
    def ending(self, end: Callable[[], object], turn: int = WHOLE) -> Iterator[None]:
        """Have ``end`` called when the study, or the run of that turn, is stopped during the block."""
        key = object()
        with self._lock:
            self._at_work[key] = turn, end
        try:
            self.check(turn)  # it may have been stopped just before
            yield
        finally:
            with self._lock:
                del self._at_work[key]

    def done(self, turn: int) -> None:
        """The run of that turn is over: what is left of it, such as a process that waits for a duel, ends with the study alone."""
        with self._lock:
            for key, (whose, end) in self._at_work.items():
                if whose == turn:
                    self._at_work[key] = WHOLE, end

    def _end(self, chosen: Callable[[int], bool]) -> None:
        with self._lock:
            ends = [end for turn, end in self._at_work.values() if chosen(turn)]
        # At once, and none waits for another that will not die, or fails with it.
        threads = [threading.Thread(target=_quietly, args=(end,), name="stop", daemon=True) for end in ends]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + END_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _quietly(end: Callable[[], object]) -> None:
    """Whoever follows what is ended sees whether it has."""
    with suppress(Exception):
        end()
