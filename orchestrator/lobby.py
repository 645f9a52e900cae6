"""Requests that wait for nodes: the cluster as it is could never place their studies, and may be about to grow."""

import time
from contextlib import suppress

from levelfield.store import Store, StoreError, requesting
from orchestrator.connect import NoPlaceError
from orchestrator.heart import VALID
from orchestrator.nodes import ClusterError

MENDED_BY_NODES = (NoPlaceError, ClusterError)  # also a head that does not answer: it may be about to begin, or to begin again
LOOK_S = 10.0  # a third of the time after which a request that nobody says is alive is taken by another scheduler


class Lobby:
    """Where a request waits for up to ``wait_s`` seconds, while others go on."""

    def __init__(self, store: Store, wait_s: float) -> None:
        self._store, self._wait_s, self._looked = store, wait_s, 0.0
        self._until: dict[int, float] = {}
        self.waiting: dict[int, requesting.Request] = {}

    def takes(self, request: requesting.Request) -> bool:
        """Whether it may wait, or wait on."""
        now = time.monotonic()
        if now >= self._until.setdefault(request.id, now + self._wait_s):
            self.leaves(request)
            return False
        self.waiting[request.id] = request
        return True

    def leaves(self, request: requesting.Request) -> None:
        """It waits no longer, whatever became of it; another time it may wait anew."""
        self.waiting.pop(request.id, None)
        self._until.pop(request.id, None)

    def is_new(self, request: requesting.Request) -> bool:
        """Whether it has not waited yet."""
        return request.id not in self._until

    def again(self) -> list[requesting.Request]:
        """Those that are to be tried again now; what has been cancelled meanwhile, or taken by another one, waits no longer."""
        if time.monotonic() - self._looked < LOOK_S:
            return []
        self._looked = time.monotonic()
        return [request for request in list(self.waiting.values()) if self._still_wanted(request)]

    def _still_wanted(self, request: requesting.Request) -> bool:
        who: str | None = None
        with suppress(StoreError):  # one that is away: later
            wishes = requesting.beat(self._store, request, [], valid=VALID)
            who = None if wishes is None else wishes.get(requesting.WHOLE)
            if who:
                requesting.finish(self._store, request, f"cancelled by {who} before it began")
            if wishes is None or who:
                self.leaves(request)
                return False
        return not who
