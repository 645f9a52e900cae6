"""Keeps alive the leases of this process, all of them in one transaction: a cluster of many devices has many leases."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta

from levelfield.store import Store, StoreError, leasing

Hear = Callable[[bool, float], object]
VALID = timedelta(seconds=30)
RENEW_S, RETRY_S = 10.0, 1.0


def now() -> float:
    """Seconds of a clock that goes on while a process is stopped, or its host asleep."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Heart:
    """Beats as long as there are leases. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[str, tuple[Store, Hear]] = {}
        self._thread: threading.Thread | None = None

    def keep(self, store: Store, token: str, hear: Hear) -> None:
        """Keep this lease, from now on; ``hear`` is told at each beat whether it was still there, and when that was asked."""
        with self._lock:
            self._kept[token] = store, hear
            if self._thread is None:
                self._thread = threading.Thread(target=self._beat, name="leases", daemon=True)
                self._thread.start()

    def leave(self, token: str) -> None:
        """Keep this lease no longer."""
        with self._lock:
            self._kept.pop(token, None)

    def _beat(self) -> None:
        """Until there is no lease to be kept, which is noticed at the next beat: another one may come soon."""
        missed = False
        while True:
            time.sleep(RETRY_S if missed else RENEW_S)
            missed, by_store = False, defaultdict[Store, dict[str, Hear]](dict)
            with self._lock:
                if not self._kept:
                    self._thread = None
                    return
                for token, (store, hear) in self._kept.items():
                    by_store[store][token] = hear
            for store, hearing in by_store.items():
                at = now()
                try:
                    renewed = leasing.renew(store, list(hearing), valid=VALID)
                except StoreError:
                    missed = True  # whether it was in time shows when somebody asks for a flaw
                    continue
                for token, hear in hearing.items():
                    hear(token in renewed, at)


HEART = Heart()
