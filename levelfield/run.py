"""One run from specification to result, wherever it takes place: in a Ray actor or, without Ray, in this process."""

import importlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from levelfield import data, workloads
from levelfield.blocks import Plan
from levelfield.bursts import Burst, Burster
from levelfield.checkpoints import Keeping, Saved
from levelfield.data import Dataset
from levelfield.failures import failed
from levelfield.gang import ALONE, Gang
from levelfield.measure.environment import describe_environment, usable_cores
from levelfield.measure.threads import ThreadReport, confine, observe, usage, violations
from levelfield.measure.threads import environment as thread_variables
from levelfield.result import Epoch, RunResult, Status
from levelfield.services import Service
from levelfield.spec import RunSpec
from levelfield.training import Alive, AnyWorker, Event, Started, has_own_loop, train

LOOK_NS = 500_000_000  # the kernel counts a thread's time in ticks of 10 ms
EVENTS: Mapping[str, Callable[[Mapping[str, Any]], Event]] = {
    "started": lambda fields: Started(**fields),
    "alive": lambda fields: Alive(**fields),
    "epoch": lambda fields: Epoch(**fields),
    "saved": lambda fields: Saved(**fields),
    "result": RunResult.from_dict,
}


class Session:
    """What one worker process does: a run, and then bursts on demand."""

    def __init__(self, service: Service, log: Path | None = None) -> None:
        """``log`` is the file that standard output and error go to, if they do."""
        self._service, self._log = service, log
        self.worker: AnyWorker | None = None  # of the last run
        self._burster: Burster | None = None
        self._cores: tuple[int, ...] = ()

    def run(self, spec: RunSpec, *, before_ns: Mapping[str, int], gang: Gang = ALONE, keeping: Keeping | None = None) -> Iterator[Event]:
        """Run ``spec`` in this process: yields what `train` yields. An exception of the framework becomes a `failed` result.

        ``before_ns`` are phases that passed before this call, ``process_start`` among them. In a gang each rank does this at the same time.
        ``keeping``: of checkpoints.
        """
        started = time.perf_counter_ns()
        try:
            yield from self._run(spec, before_ns, started, gang, keeping)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a framework may raise anything, SystemExit too; whatever it is belongs in the result
            wall_ns = time.perf_counter_ns() - started + sum(before_ns.values())
            yield failed(error, wall_ns=wall_ns, service=self._service, log=self._log, worker=self.worker)

    @property
    def burster(self) -> Burster:
        """Gives bursts of the worker that has just run. Raises RuntimeError where there is none that can."""
        if self._burster is None:
            raise RuntimeError("no run has ended well in this process, or its track leaves the loop to the framework")
        return self._burster

    def gang_blocks(self, discarded: int, counted: int, *, exchange: bool) -> Burst:
        """A burst of so many blocks of a rank, whose gang is asked for the same. Raises RuntimeError as `burster` does."""
        burster = self.burster
        burster.worker.exchange(on=exchange)
        return burster.blocks(discarded, counted)

    def _run(self, spec: RunSpec, before_ns: Mapping[str, int], started: int, gang: Gang, keeping: Keeping | None) -> Iterator[Event]:
        self._cores = take_cores(spec.threads)
        workload, loaded = workloads.get(spec.workload), list[Dataset]()
        worker = self.worker = load_worker(self._service, spec.track)()
        before = {**before_ns, "import": time.perf_counter_ns() - started}

        def load() -> Dataset:
            loaded.append(data.load(workload.dataset))
            return loaded[0]

        for event in train(worker, spec, workload, load, threads=len(self._cores), before_ns=before, gang=gang, keeping=keeping):
            if isinstance(event, Started):
                look = observe(os.getpid())
            if isinstance(event, RunResult):
                event.environment = describe_environment(self._service.packages) | {"worker_code": self._service.code()}
                event.environment["thread_use"] = _thread_use(look, self._cores)
                if event.status is Status.OK and not has_own_loop(worker, spec):
                    plan = Plan(spec, workload, len(loaded[0].x_train))
                    self._burster = Burster(worker, plan, first_epoch=event.blocks[-1].epoch + 1)
            yield event


def take_cores(threads: int | None) -> tuple[int, ...]:
    """Confine this process to one core for each thread, by default to as many as it may use, and tell its libraries; returns the cores.

    Called before the framework is imported. Raises RuntimeError where there are fewer cores than threads: such a run would say nothing.
    """
    offered = sorted(os.sched_getaffinity(0))
    wanted = threads or usable_cores()
    if wanted > len(offered):
        raise RuntimeError(f"{wanted} threads were asked for, but this process may use only {len(offered)} cores")
    cores = tuple(offered[:wanted])
    confine(cores)
    os.environ.update(thread_variables(cores, wanted))
    return cores


def _thread_use(look: ThreadReport, cores: tuple[int, ...]) -> dict[str, Any]:
    """What this process's threads did since a look, and what of it was not as agreed; a run that was over too soon is not judged."""
    now = observe(os.getpid())
    judged = now.at_ns - look.at_ns >= LOOK_NS
    return {"judged": judged, **asdict(usage(look, now)), "violations": violations(look, now, cores, len(cores)) if judged else []}


def event_to_dict(event: Event) -> dict[str, Any]:
    """An event as plain data, for crossing a process boundary."""
    if isinstance(event, RunResult):
        return {"kind": "result", "fields": event.to_dict()}
    return {"kind": type(event).__name__.lower(), "fields": asdict(event)}


def event_from_dict(event: Mapping[str, Any]) -> Event:
    """The inverse of `event_to_dict`."""
    return EVENTS[event["kind"]](event["fields"])


def load_worker(service: Service, track: str) -> Callable[[], AnyWorker]:
    """Import the service's worker class for a track, and with it its framework."""
    module, _, name = service.workers.get(track, service.worker).partition(":")
    factory: Callable[[], AnyWorker] = getattr(importlib.import_module(module), name)
    return factory
