"""A worker without Ray: ``python -m levelfield.standalone torch_worker RUNSPEC.json --out RESULT.json``, in the service's own environment.

For debugging, for measuring what Ray costs, and for machines without Ray. Needs the standard library, NumPy and the service's framework.
"""

import argparse
import json
import math
import os
import sys
import time
from pathlib import Path
from typing import Any

from levelfield.gang import Gang
from levelfield.result import Epoch, RunResult, Status
from levelfield.run import Session
from levelfield.services import Service, discover
from levelfield.spec import RunSpec
from levelfield.training import Started


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when the run ended well, 1 when it did not, 2 on bad input."""
    parser = argparse.ArgumentParser(prog="python -m levelfield.standalone", description=__doc__)
    parser.add_argument("service", help="a folder of services/, or a framework's name")
    parser.add_argument("spec", type=Path, metavar="RUNSPEC.json", help="a run as `levelfield plan --format json` lists it")
    parser.add_argument("--out", type=Path, required=True, metavar="RESULT.json", help="where the result goes")
    parser.add_argument("--peers", default="", metavar="HOST:PORT,...", help="the endpoints of all ranks of a gang, of which this is one")
    parser.add_argument("--rank", type=int, default=0, help="which")
    options = parser.parse_args(arguments)
    try:
        gang = Gang(rank=options.rank, peers=tuple(options.peers.split(",")))
        service = _service(options.service)
        spec = RunSpec.from_dict(json.loads(options.spec.read_text()))
        options.out.parent.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    result = _run(service, spec, gang)
    options.out.write_text(json.dumps(_without_nan(result.to_dict()), indent=1) + "\n")
    if result.failure:
        print(f"{result.status}: {result.failure.reason}\n{result.failure.traceback or ''}", file=sys.stderr)
    return 0 if result.status is Status.OK else 1


def _service(name: str) -> Service:
    services = discover()
    for service in services.values():
        if name in (service.name, service.folder.name):
            return service
    raise ValueError(f"no service {name!r}; there are: {', '.join(service.folder.name for service in services.values())}")


def _run(service: Service, spec: RunSpec, gang: Gang) -> RunResult:
    for event in Session(service).run(spec, before_ns={"process_start": _process_age_ns()}, gang=gang):
        match event:
            case Started():
                print(f"{service.title}: {event.epochs} epochs of {event.steps_per_epoch} steps", flush=True)
            case Epoch():
                print(f"epoch {event.epoch + 1}: train loss {event.train_loss:.4f}, test accuracy {event.test_accuracy:.4f}", flush=True)
            case RunResult():
                return event
    raise RuntimeError("the run ended without a result")


def _without_nan(value: Any) -> Any:
    """JSON knows no NaN and no infinity: a loss that is not finite is written as null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _without_nan(item) for key, item in value.items()}
        case list():
            return [_without_nan(item) for item in value]
        case _:
            return value


def _process_age_ns() -> int:
    """How long this process has been running: field 22 of /proc/self/stat is its start in clock ticks since boot (proc(5))."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return max(0, time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK"))


if __name__ == "__main__":
    sys.exit(main())
