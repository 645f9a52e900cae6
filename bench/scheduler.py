"""What the scheduler costs: planning, scheduling with an executor that takes no time, and real actors of a worker that computes little.

    .venv/bin/python bench/scheduler.py [plan] [serve] [actors] [--runs N]

Each part runs in a process of its own and prints a line for each figure, with what is required of it; exit status 1 where one is missed.
"""

import argparse
import contextlib
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rich.console import Console

from levelfield.leases import Device
from levelfield.planning.plan import PairWork, pending
from levelfield.planning.record import new_record
from levelfield.result import RunResult, Status
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.store import Store
from levelfield.study import Study, check_study
from orchestrator.conductor import Agenda, Conductor, Entry
from orchestrator.crew import crew
from orchestrator.leases import Places
from orchestrator.progress import LiveProgress
from orchestrator.recording import Recorder
from orchestrator.schedule import Scheduler
from orchestrator.seats import Offers, Seat, Seats

PLANNED, PLAN_S, PLAN_MB = 100_000, 2.0, 500.0
SERVED, RUNS_PER_S, KB_PER_RUN = 20_000, 500.0, 2.0
ACTORS, OWN_MS = 40, 50.0


def study_of(runs: int, **changes: Any) -> Study:
    """So many runs of two sides."""
    content = {"name": "many", "workloads": ["digits_cnn"], "frameworks": ["tensorflow", "torch"], "seeds": runs // 2, "bursts": 0}
    return check_study(content | changes, discover(), source="bench")


def plan(runs: int) -> dict[str, float]:
    """Planning a study and finding what is still to be done of it."""
    study = study_of(runs)
    before, started = rss_mb(), time.perf_counter()
    todo = list(pending(study, 1, {}, {}))
    seconds = time.perf_counter() - started
    assert sum(len(pair.runs) for pair in todo) == runs
    return {"plan_s": seconds, "plan_mb": rss_mb() - before}


class Instant:
    """An executor whose runs have ended as soon as they begin. Implements `Executor` and `Process`."""

    def __init__(self, host: str = "") -> None:
        self.who = [{"host": host, "hostname": host, "pid": 1, "gpus": []}]

    @contextmanager
    def process(self, spec: RunSpec, log: Path, seats: Seats) -> Iterator["Instant"]:  # noqa: ARG002 - of the protocol
        """One on these seats."""
        yield Instant(seats[0].host)

    def run(self, keeping: Any = None) -> Iterator[RunResult]:  # noqa: ARG002 - of the protocol
        """It is done."""
        yield RunResult(status=Status.OK)

    def burst(self, target_ns: int) -> Any:
        """Nobody asks for one."""
        raise NotImplementedError(target_ns)

    def exchange_ns(self) -> dict[str, list[float]]:
        """It has no ranks."""
        return {}

    def members(self) -> list[dict[str, Any]]:
        """Where it is."""
        return self.who

    def end(self) -> None:
        """It has ended."""


class Devices:
    """So many hosts, each with a node of each framework. Implements `Places`."""

    def __init__(self, hosts: int) -> None:
        self.seats = [Seat(node=f"n{at}", host=f"h{at}", hostname=f"h{at}", device=Device(host=f"h{at}"), model="M") for at in range(hosts)]

    def offers(self, specs: Any) -> Offers:
        """All of them, for every side."""
        return Offers(specs=specs, by_side=dict.fromkeys(specs, self.seats))

    def is_lost(self, seats: Seats) -> bool:  # noqa: ARG002 - of the protocol
        """Never."""
        return False


def serve(runs: int, hosts: int = 1) -> dict[str, float]:
    """All of a study through conductor, threads, leases and a SQLite store on this disk, with an executor that takes no time."""
    study = study_of(runs)
    with tempfile.TemporaryDirectory(dir=".") as folder, Store.open(str(Path(folder, "levelfield.db"))) as store:
        record = new_record(study)
        store.add_study(record)
        recorder = Recorder(store=store, study_id=record.id, folder=Path(folder, "unrecorded"))
        todo = list(pending(study, record.plan_seed, {}, {}))
        console = Console(file=io.StringIO())
        places: Places = Devices(hosts)
        scheduler = Scheduler(recorder=recorder, executor=Instant(), listener=LiveProgress(console, todo), logs=Path(folder), places=places)
        work(scheduler, todo[:200], hosts)  # pools, caches and the page cache are warm then
        before, started = rss_mb(), time.perf_counter()
        work(scheduler, todo[200:], hosts)
        seconds, grown = time.perf_counter() - started, rss_mb() - before
    done = sum(len(pair.runs) for pair in todo[200:])
    return {"runs_per_s": done / seconds, "kb_per_run": grown * 1024 / done}


def work(scheduler: Scheduler, todo: Sequence[PairWork], hosts: int) -> None:
    """As a session does it."""
    conductor = Conductor()
    conductor.add(Entry(study_id="s", agenda=Agenda([todo]), room=hosts))
    with crew(print) as hired:
        while conductor.entries:
            while found := conductor.next():
                hired.begin(found[0], lambda pair=found[1]: scheduler.work(pair))
            for entry, future in hired.ended(1.0):
                assert set(future.result()) == {Status.OK}
                conductor.done(entry)
            conductor.take_over()


def actors(runs: int) -> dict[str, float]:
    """Real actors on an embedded cluster, of a worker on NumPy with one epoch of little work: the processor time that we take for a run.

    The slope between a short and a long study: what is done once, such as starting Ray, does not count.
    """
    few = max(4, runs // 4)
    (short_s, _), (long_s, _) = own_seconds(few), own_seconds(runs)
    return {"own_ms_per_run": 1000 * (long_s - short_s) / (runs - few)}


def own_seconds(runs: int) -> tuple[float, str]:
    """Processor seconds of the orchestrator's own process for a study of so many runs."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        asked = subprocess.run(
            [sys.executable, __file__, "one-study", "--runs", str(runs), "--folder", folder], capture_output=True, text=True, check=False
        )
        if asked.returncode:
            raise SystemExit(asked.stdout + asked.stderr)
        return float(json.loads(asked.stdout.splitlines()[-1])["seconds"]), asked.stdout


def one_study(runs: int, folder: Path) -> dict[str, float]:
    """The study itself, in this process."""
    from orchestrator.session import execute
    from orchestrator.site import Session
    from tests.services import write_service

    folder = folder.resolve()  # actors have folders of their own
    for name in ("fake_a", "fake_b"):
        write_service(folder / "services", name)
    os.environ["LEVELFIELD_SERVICES"] = str(folder / "services")
    study = study_of(runs, frameworks=["fake_a", "fake_b"], epochs=1, restart="scratch")
    session = Session(
        services=discover(), results=folder, store_url=str(folder / "levelfield.db"), address=None, console=Console(file=io.StringIO()),
        certify=False, gate=False,
    )  # fmt: skip
    statuses = execute(session, new_record(study), is_new=True)
    assert statuses == [Status.OK] * runs, statuses
    used = resource.getrusage(resource.RUSAGE_SELF)
    return {"seconds": used.ru_utime + used.ru_stime}


def rss_mb() -> float:
    """Resident memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1024**2


PARTS: dict[str, tuple[Callable[[int], dict[str, float]], int]] = {
    "plan": (plan, PLANNED),
    "serve": (serve, SERVED),
    "actors": (actors, ACTORS),
}
REQUIRED: dict[str, tuple[str, float, bool]] = {  # what it is, the limit, and whether more is better
    "plan_s": ("planning, seconds", PLAN_S, False),
    "plan_mb": ("planning, MB", PLAN_MB, False),
    "runs_per_s": ("runs a second with an executor that takes no time", RUNS_PER_S, True),
    "kb_per_run": ("memory that it grows by, KB a run", KB_PER_RUN, False),
    "own_ms_per_run": ("processor time of the orchestrator with real actors, ms a run", OWN_MS, False),
}


def main() -> int:
    """Exit status 1 where a requirement is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--runs", type=int)
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    if options.parts == ["one-study"]:
        print(json.dumps(one_study(options.runs, options.folder)))
        return 0
    parts = options.parts or list(PARTS)
    if len(parts) > 1:  # each in a process of its own: memory is the process's
        more = ["--runs", str(options.runs)] if options.runs else []
        return max(subprocess.run([sys.executable, __file__, part, *more], check=False).returncode for part in parts)
    [part] = parts
    function, runs = PARTS[part]
    good = True
    for name, figure in function(options.runs or runs).items():
        told, limit, more = REQUIRED[name]
        holds = figure >= limit if more else figure <= limit
        good &= holds
        bound, answer = "at least" if more else "at most", "yes" if holds else "NO"
        print(f"{options.runs or runs:>7} runs: {told}: {figure:.3g} ({bound} {limit:g}: {answer})")
    return int(not good)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
