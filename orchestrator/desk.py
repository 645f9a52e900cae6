"""A request that this process has taken: it says that it lives and what is at work, and hears who wants it to stop."""

import getpass
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Self

from levelfield.holders import is_gone, myself
from levelfield.store import Store, StoreError, StudyRecord, requesting
from orchestrator.heart import VALID
from orchestrator.stopping import INTERRUPTED, Stop

BEAT_S = 2.0  # a write, which whoever measures on this host has to bear; and how long somebody who cancels has to wait


class Desk:
    """``outcome``: what the request ends with."""

    def __init__(self, store: Store, request: requesting.Request, stop: Stop) -> None:
        self._store, self._stop, self._beaten = store, stop, 0.0
        self.request, self.outcome, self.is_stopped = request, "", False

    @classmethod
    @contextmanager
    def own(cls, store: Store, record: StudyRecord, stop: Stop) -> Iterator[Self]:
        """A request that this process makes, takes at once and works on until the block ends. Raises StoreError."""
        request = requesting.submit(store, record, asked_by=user(), taker=myself(), valid=VALID, gone=is_gone)
        desk = cls(store, request, stop)
        try:
            yield desk
        except KeyboardInterrupt:
            desk.outcome = stop.reason or INTERRUPTED
            raise
        except BaseException as error:
            desk.outcome = f"failed: {error}"
            raise
        finally:
            desk.close()

    def tick(self, progress: Sequence[Mapping[str, Any]] = ()) -> None:
        """Say it, some seconds after the last time; a store that is away hears it later."""
        if time.monotonic() - self._beaten < BEAT_S:
            return
        self._beaten = time.monotonic()
        with suppress(StoreError):
            wishes = requesting.beat(self._store, self.request, progress, valid=VALID)
            if wishes is None:
                self._stop.set("another scheduler has taken it over")
            else:
                self._obey(wishes)

    def pause(self, seconds: float) -> None:
        """Sleep, and hear meanwhile who wants it to stop. Raises KeyboardInterrupt then."""
        self.tick()
        self._stop.pause(seconds)

    def close(self) -> bool:
        """The request is over; whether the store has heard it."""
        try:
            requesting.finish(self._store, self.request, self.outcome)
        except StoreError:
            return False
        return True

    def _obey(self, wishes: Any) -> None:
        for turn, who in wishes.items():
            if turn != requesting.WHOLE:
                self._stop.cancel(int(turn), f"cancelled by {who}")
            elif not self._stop.is_set:
                self.is_stopped = True
                self._stop.set(f"cancelled by {who}")


def user() -> str:
    """Who asks: user and host."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        name = "somebody"
    return f"{name}@{socket.gethostname()}"
