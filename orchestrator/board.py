"""What is at work now, as plain data for the store: whoever wants to watch a study reads it there."""

import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from levelfield.duel import DuelResult, Turn
from levelfield.leases import Claim
from levelfield.result import Epoch, RunResult
from levelfield.spec import PlannedDuel, PlannedRun
from levelfield.thinning import thinned
from levelfield.training import Event, Started
from orchestrator.interfaces import Listener, Placed, Restarting
from orchestrator.leases import told

CURVE, POINTS = 200, 4_000  # points of a curve, and of all curves together: it is written every two seconds

Key = tuple[str, int]


class Board:
    """Implements `Listener`, and passes everything on to ``also``. Thread-safe."""

    def __init__(self, also: Listener) -> None:
        self._also = also
        self._lock = threading.Lock()
        self._at_work: dict[Key, dict[str, Any]] = {}

    def snapshot(self) -> list[dict[str, Any]]:
        """A copy: one entry for each run, duel and waiting pair. Where many runs are at work each shows fewer points of its curve."""
        with self._lock:
            each = max(2, min(CURVE, POINTS // max(1, len(self._at_work))))
            return [entry | ({"curve": thinned(entry["curve"], each)} if "curve" in entry else {}) for entry in self._at_work.values()]

    def waiting(self, pair: int, claims: Sequence[Claim]) -> None:
        """See `Listener`."""
        if claims:
            self._put(("pair", pair), {"what": "waiting", "pair": pair, "state": told(claims)})
        else:
            self._remove(("pair", pair))
        self._also.waiting(pair, claims)

    def started(self, run: PlannedRun, attempt: int) -> None:
        """See `Listener`."""
        spec = run.spec
        named = {"turn": run.turn, "side": run.side, "workload": spec.workload, "workers": spec.workers, "seed": spec.seed}
        self._put(("run", run.turn), {"what": "run", **named, "attempt": attempt, "state": "starting its process", "curve": []})
        self._also.started(run, attempt)

    def event(self, run: PlannedRun, event: Placed | Restarting | Event) -> None:
        """See `Listener`."""
        key = ("run", run.turn)
        match event:
            case Placed():
                self._change(key, {"state": "importing", "hostname": event.hostname, "pid": event.pid})
            case Restarting():
                self._change(key, {"state": f"restarting: {event.reason}", "curve": []})
            case Started():
                self._change(key, {"state": "training", "epochs": event.epochs})
            case Epoch():
                self._point(key, [event.epoch + 1, event.train_loss, event.test_loss, event.test_accuracy])
            case RunResult():
                self._remove(key)
        self._also.event(run, event)

    def duel_started(self, duel: PlannedDuel, attempt: int, rounds: int) -> None:
        """See `Listener`."""
        named = {"pair": duel.pair, "workload": duel.workload, "workers": duel.workers, "seed": duel.seed}
        total = rounds * len(duel.specs)
        self._put(("duel", duel.pair), {"what": "duel", **named, "attempt": attempt, "state": "taking turns", "turns": 0, "of": total})
        self._also.duel_started(duel, attempt, rounds)

    def duel_event(self, duel: PlannedDuel, event: Turn | DuelResult) -> None:
        """See `Listener`."""
        key = ("duel", duel.pair)
        if isinstance(event, DuelResult):
            self._remove(key)
        else:
            with self._lock:
                if key in self._at_work:
                    self._at_work[key]["turns"] += 1
        self._also.duel_event(duel, event)

    def _put(self, key: Key, entry: dict[str, Any]) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._lock:
            before = self._at_work.get(key, {}) if key[0] == "pair" else {}  # who waits is told at every look
            self._at_work[key] = entry | {"since": before.get("since", now)}

    def _change(self, key: Key, values: Mapping[str, Any]) -> None:
        with self._lock:
            if key in self._at_work:
                self._at_work[key] |= values

    def _point(self, key: Key, point: list[float]) -> None:
        with self._lock:
            if key in self._at_work:
                self._at_work[key]["curve"] = thinned([*self._at_work[key]["curve"], point], CURVE)

    def _remove(self, key: Key) -> None:
        with self._lock:
            self._at_work.pop(key, None)
