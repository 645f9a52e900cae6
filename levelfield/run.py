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
from levelfield.measure.environment import describe_environment
from levelfield.measure.memory import process_memory
from levelfield.result import Epoch, Failure, RunResult, Status
from levelfield.services import Service
from levelfield.spec import RunSpec
from levelfield.worker import Event, Started, Worker, train

LOG_TAIL_LINES = 30
EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "started": lambda fields: Started(**fields),
    "epoch": lambda fields: Epoch(**fields),
    "result": RunResult.from_dict,
}


def execute(service: Service, spec: RunSpec, *, process_start_ns: int, log: Path | None = None) -> Iterator[Event]:
    """Run ``spec`` in this process: yields what `train` yields. An exception of the framework becomes a `failed` result.

    ``process_start_ns`` is how long this process took to start; ``log`` is the file that standard output and error go to, if they do.
    """
    started = time.perf_counter_ns()
    try:
        workload = workloads.get(spec.workload)
        worker = load_worker(service)()
        before = {"process_start": process_start_ns, "import": time.perf_counter_ns() - started}
        threads = spec.threads or len(os.sched_getaffinity(0))
        for event in train(worker, spec, workload, lambda: data.load(workload.dataset), threads=threads, before_ns=before):
            if isinstance(event, RunResult):
                event.environment = describe_environment(service.packages)
            yield event
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a framework may raise anything, SystemExit too; whatever it is belongs in the result
        yield failed(error, wall_ns=time.perf_counter_ns() - started + process_start_ns, service=service, log=log)


def event_to_dict(event: Event) -> dict[str, Any]:
    """An event as plain data, for crossing a process boundary."""
    kind = "result" if isinstance(event, RunResult) else type(event).__name__.lower()
    return {"kind": kind, "fields": asdict(event)}


def event_from_dict(event: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_dict`."""
    return EVENTS[event["kind"]](event["fields"])


def load_worker(service: Service) -> Callable[[], Worker]:
    """Import the service's worker class, and with it its framework."""
    module, _, name = service.worker.partition(":")
    factory: Callable[[], Worker] = getattr(importlib.import_module(module), name)
    return factory


def failed(error: BaseException, *, wall_ns: int, service: Service, log: Path | None) -> RunResult:
    """A result with the exception as plain data: framework exceptions cannot be unpickled where the framework is missing."""
    kind = type(error).__name__
    failure = Failure(reason=f"{kind}: {error}", error_type=kind, traceback=traceback.format_exc(), log_tail=tail(log) if log else None)
    environment = describe_environment(service.packages)
    return RunResult(status=Status.FAILED, wall_ns=wall_ns, memory_bytes=process_memory(), environment=environment, failure=failure)


def tail(log: Path, lines: int = LOG_TAIL_LINES) -> str | None:
    """The last lines of a log file, or None where there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) or None
    except OSError:
        return None
