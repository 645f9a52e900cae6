"""One run from specification to result, wherever it takes place: in a Ray actor or, without Ray, in this process."""

import importlib
import os
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from levelfield import data, workloads
from levelfield.measure.environment import describe_environment, usable_cores
from levelfield.measure.memory import process_memory
from levelfield.result import Epoch, Failure, RunResult, Status
from levelfield.services import Service
from levelfield.spec import RunSpec
from levelfield.training import AnyWorker, Event, Started, train

LOG_TAIL_LINES, TAIL_LIMIT, REASON_LIMIT = 30, 16_384, 1_000  # lines, bytes, characters
EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "started": lambda fields: Started(**fields),
    "epoch": lambda fields: Epoch(**fields),
    "result": RunResult.from_dict,
}


def execute(service: Service, spec: RunSpec, *, before_ns: Mapping[str, int], log: Path | None = None) -> Iterator[Event]:
    """Run ``spec`` in this process: yields what `train` yields. An exception of the framework becomes a `failed` result.

    ``before_ns`` are phases that passed before this call, ``process_start`` among them; ``log`` is the file that
    standard output and error go to, if they do.
    """
    started = time.perf_counter_ns()
    try:
        workload = workloads.get(spec.workload)
        worker = load_worker(service, spec.track)()
        before = {**before_ns, "import": time.perf_counter_ns() - started}
        threads = spec.threads or usable_cores()
        for event in train(worker, spec, workload, lambda: data.load(workload.dataset), threads=threads, before_ns=before):
            if isinstance(event, RunResult):
                event.environment = describe_environment(service.packages) | {"worker_code": service.code()}
            yield event
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a framework may raise anything, SystemExit too; whatever it is belongs in the result
        yield failed(error, wall_ns=time.perf_counter_ns() - started + sum(before_ns.values()), service=service, log=log)


def event_to_dict(event: Event) -> dict[str, Any]:
    """An event as plain data, for crossing a process boundary."""
    kind = "result" if isinstance(event, RunResult) else type(event).__name__.lower()
    return {"kind": kind, "fields": asdict(event)}


def event_from_dict(event: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_dict`."""
    return EVENTS[event["kind"]](event["fields"])


def load_worker(service: Service, track: str) -> Callable[[], AnyWorker]:
    """Import the service's worker class for a track, and with it its framework."""
    module, _, name = service.workers.get(track, service.worker).partition(":")
    factory: Callable[[], AnyWorker] = getattr(importlib.import_module(module), name)
    return factory


def failed(error: BaseException, *, wall_ns: int, service: Service, log: Path | None) -> RunResult:
    """A result with the exception as plain data: framework exceptions cannot be unpickled where the framework is missing."""
    kind = type(error).__name__
    failure = Failure(
        reason=f"{kind}: {error}"[:REASON_LIMIT],
        error_type=kind,
        traceback=traceback.format_exc()[-TAIL_LIMIT:],
        log_tail=tail(log) if log else None,
    )
    environment = describe_environment(service.packages)
    return RunResult(status=Status.FAILED, wall_ns=wall_ns, memory_bytes=process_memory(), environment=environment, failure=failure)


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str | None:
    """The last lines of a log file, or None where there is none."""
    try:
        with log.open("rb") as opened:
            opened.seek(max(0, opened.seek(0, os.SEEK_END) - TAIL_LIMIT))
            text = opened.read().decode(errors="replace")
    except OSError:
        return None
    return "\n".join(text.splitlines()[-lines:]) or None
