"""What `levelfield serve` tells those who watch over it: metrics for Prometheus, and whether it is ready and alive."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import PROCESS_COLLECTOR, CollectorRegistry, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from levelfield.holders import is_gone
from levelfield.result import Status
from levelfield.store import Store, StoreError, leasing, reading, requesting
from orchestrator.nodes import ClusterError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

SILENT_S = 60.0  # the scheduler's loop turns once a second
DEAD_S = 1800.0  # a store that is away holds it, and so does a data set that is fetched: to be killed then would help nobody


class Pulse:
    """Felt in every turn of the scheduler's loop; before the first one it is not ready, and waits for another one's end."""

    def __init__(self) -> None:
        self._last: float | None = None

    def beat(self) -> None:
        """It lives."""
        self._last = time.monotonic()

    @property
    def is_ready(self) -> bool:
        """Whether it serves."""
        return self._last is not None and time.monotonic() - self._last < SILENT_S

    @property
    def is_alive(self) -> bool:
        """Whether it still turns, if it has begun to."""
        return self._last is None or time.monotonic() - self._last < DEAD_S


class StoreMetrics(Collector):
    """Asks the store when it is asked itself."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterable[Metric]:
        """The gauges; only the first of them where the store does not answer."""
        up = GaugeMetricFamily("levelfield_store_up", "Whether the store answers.")
        try:
            gauges = [*self._studies(), *self._leases(), *self._attempts()]
        except StoreError:
            gauges = []
        up.add_metric([], float(bool(gauges)))
        return [up, *gauges]

    def _studies(self) -> Iterator[Metric]:
        found = requesting.unfinished(self._store)
        working = [one for one in found if one.progress and requesting.is_alive(one, is_gone)]
        studies = GaugeMetricFamily("levelfield_studies", "Studies that are asked for and not over, by state.", labels=["state"])
        studies.add_metric(["at_work"], len(working))
        studies.add_metric(["waiting"], len(found) - len(working))
        yield studies
        oldest = min((one.asked_at for one in found if one not in working), default=None)
        wait = 0.0 if oldest is None else max(0.0, (datetime.now(UTC) - oldest).total_seconds())  # of the store's clock and ours
        yield GaugeMetricFamily("levelfield_longest_wait_seconds", "How long the oldest waiting study has waited.", value=wait)
        at_work = GaugeMetricFamily(
            "levelfield_at_work", "Runs and duels that are at work, and pairs that wait for devices.", labels=["what"]
        )
        kinds = [str(entry["what"]) for one in working for entry in one.progress]
        for kind in sorted({"run", "duel", "waiting", *kinds}):
            at_work.add_metric([kind], kinds.count(kind))
        yield at_work

    def _leases(self) -> Iterator[Metric]:
        claims = leasing.claims(self._store)
        gauge = GaugeMetricFamily("levelfield_leases", "Claims to devices, by whether they are held or wait.", labels=["state"])
        held = sum(claim.acquired_at is not None for claim in claims)
        gauge.add_metric(["held"], held)
        gauge.add_metric(["waiting"], len(claims) - held)
        yield gauge

    def _attempts(self) -> Iterator[Metric]:
        counts = reading.attempts_by_status(self._store)
        attempts = GaugeMetricFamily("levelfield_attempts", "Attempts that the store holds, by kind and status.", labels=["kind", "status"])
        invalid = GaugeMetricFamily(
            "levelfield_invalid_ratio", "The part of the attempts that the machine disturbed, by kind; absent without any.", labels=["kind"]
        )
        for kind, found in counts.items():
            for status in Status:
                attempts.add_metric([kind, status.value], found.get(status.value, 0))
            if total := sum(found.values()):
                invalid.add_metric([kind], found.get(Status.INVALID.value, 0) / total)
        yield from (attempts, invalid)


@contextmanager
def offered(port: int | None, store_url: str, pulse: Pulse) -> Iterator[None]:
    """At ``port``, of all addresses of this host, until the block ends; nothing without one. Raises ClusterError where it is taken."""
    if port is None:
        yield
        return
    with Store.open(store_url) as store:
        registry = CollectorRegistry()
        registry.register(PROCESS_COLLECTOR)
        registry.register(StoreMetrics(store))
        try:
            server = make_server("", port, _application(registry, pulse), _Server, _Quiet)
        except OSError as error:
            raise ClusterError(f"--metrics {port}: {error}") from error
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()


def _application(registry: CollectorRegistry, pulse: Pulse) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    metrics = make_wsgi_app(registry)
    checks: dict[str, Callable[[], bool]] = {"/readyz": lambda: pulse.is_ready, "/livez": lambda: pulse.is_alive}

    def answer(request: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        if check := checks.get(request["PATH_INFO"]):
            good = check()
            start("200 OK" if good else "503 Service Unavailable", [("Content-Type", "text/plain")])
            return [b"ok\n" if good else b"not now\n"]
        page: Iterable[bytes] = metrics(request, start)
        return page

    return answer


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that it overrides
        """Nobody wants a line for each look."""
