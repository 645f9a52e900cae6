"""What the platform costs: training through Ray, actor and `train()` against a plain loop on the same live worker process.

    .venv/bin/python bench/overhead.py run --out raw.jsonl [--track tuned] [--device cuda]
    .venv/bin/python bench/overhead.py report raw.jsonl

``run`` starts an embedded cluster, and in it a fresh process for each record; frameworks and workloads take turns. A process during which
the machine was not quiet, by the platform's own noise gate, counts for nothing and is replaced, up to a limit. ``report`` does with its
lines, and with those of `bench.overhead_process`, what ``run`` does at the end: a table, and exit status 1 unless every lower bound is at
least 0.99. The method stands in docs/benchmarks/overhead.md. Run it on a quiet machine.
"""

import argparse
import json
import os
import sys
import tempfile
from argparse import Namespace
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

import ray
from rich.console import Console
from rich.table import Table

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.overhead_actor import OverheadActor
from bench.overhead_process import BARE, PLATFORM, PROCESSES, Contest, add_options, choices_of, ready, record, run_spec
from levelfield.bursts import Burst
from levelfield.measure.host import host_id
from levelfield.services import discover
from levelfield.spec import RunSpec
from levelfield.stats import Effect, speed_ratio, within_pair
from orchestrator.actors import Actors
from orchestrator.connect import cluster, places_of
from orchestrator.execute import RayProcess
from orchestrator.interfaces import BurstError
from orchestrator.watch import ClusterWatch

FRAMEWORKS, WORKLOADS = ("tensorflow", "torch"), ("cifar10_cnn", "imdb_lstm")
REQUIRED = 0.99
ATTEMPTS = 3  # at a process that the machine disturbs
CLOCKS = {"whole_ns": "all of a burst", "duration_ns": "blocks alone"}
JUDGED = "whole_ns"  # the stricter one: what passes between two blocks, such as reading the losses, is the platform's too
Group = tuple[str, ...]


class OverheadProcess(RayProcess):
    """`RayProcess.burst` gives the platform's bursts, exactly as in a duel."""

    def bare(self, steps: int, discarded_steps: int, choices: Mapping[str, Any]) -> Burst:
        """Raises BurstError where the loop raised an exception."""
        answer = ray.get(self._actor.bare.remote(steps, discarded_steps, dict(choices)))
        if "failure" in answer:
            raise BurstError(answer["failure"])
        return Burst(**answer)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Platform / bare over the processes of one group, by each clock of `CLOCKS`."""

    group: Group
    effects: Mapping[str, Effect]

    @property
    def bound(self) -> float | None:
        """The one-sided 95% lower bound that is judged, which is the lower end of the two-sided 90% interval; None below two processes."""
        return lower_bound(self.effects[JUDGED])

    @property
    def holds(self) -> bool:
        """Whether so many processes have shown it."""
        return self.effects[JUDGED].n >= PROCESSES and self.bound is not None and self.bound >= REQUIRED


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when every bound holds, 1 when one does not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure here, on a cluster of its own")
    run.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS, default=FRAMEWORKS)
    run.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    run.add_argument("--out", type=Path, required=True, metavar="FILE", help="the raw lines are appended to it")
    add_options(run)
    commands.add_parser("report", help="what raw lines say").add_argument("files", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    if options.command == "report":
        return report(line for file in options.files for line in read(file))
    with options.out.open("a") as file:
        found = [_written(one, file) for one in measure(options)]
    return report(found)


def measure(options: Namespace) -> Iterator[dict[str, Any]]:
    """A record for every process. Raises ClusterError, BurstError, or SystemExit where a worker does not get ready."""
    console, actors = Console(stderr=True), Actors(OverheadActor)
    services = [discover()[name] for name in options.frameworks]
    with cluster(None, services, console), ClusterWatch([os.getpid()]) as watcher, tempfile.TemporaryDirectory() as logs:
        for number, workload, framework in product(range(options.processes), options.workloads, options.frameworks):
            spec = run_spec(options, framework, workload, number)
            for attempt in range(ATTEMPTS):
                log = Path(logs, f"{number}-{workload}-{framework}-{attempt}.log")
                one = _watched(watcher, lambda spec=spec, log=log: _in_an_actor(options, spec, actors, log))
                console.print(f"[dim]process {number}: {framework}, {workload}: {'; '.join(one['noise']['reasons']) or 'quiet'}[/]")
                yield one
                if one["noise"]["valid"]:
                    break


def _watched(watcher: ClusterWatch, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A record, with whether the machine was quiet from before its process began until it ended."""
    watcher.settle([host_id()])
    begun = watcher.mark([host_id()])
    one = measure()
    seen = watcher.evidence([host_id()], begun) or {"valid": False, "reasons": ["nobody watched"]}
    return one | {"noise": {name: seen[name] for name in ("valid", "reasons", "figures") if name in seen}}


def _in_an_actor(options: Namespace, spec: RunSpec, actors: Actors, log: Path) -> dict[str, Any]:
    seats = places_of(None).offers({"both": spec}).choose()["both"]
    process, choices = OverheadProcess(actors, spec, log, seats), asdict(choices_of(options))
    try:
        *_, result = process.run()
        result = ready(result)
        contest = Contest(process.burst, lambda steps, discarded: process.bare(steps, discarded, choices))
        return record(options, spec, result, contest, ray=True)
    finally:
        process.end()


def _written(one: dict[str, Any], file: Any) -> dict[str, Any]:
    """Kept at once: a measurement that is cut short is not lost."""
    file.write(json.dumps(one) + "\n")
    file.flush()
    return one


def read(file: Path) -> Iterator[dict[str, Any]]:
    """The records of a file; its other lines are the summary's."""
    yield from (json.loads(line) for line in file.read_text().splitlines() if line.startswith("{"))


def report(records: Iterable[dict[str, Any]]) -> int:
    """Print the table. Returns the exit status."""
    records = list(records)
    found = findings(records)
    table = Table(title=f"platform / bare; every lower bound is to be at least {REQUIRED}, of {PROCESSES} processes or more")
    for heading in ("framework", "workload", "track", "precision", "machine", "bare loop", "processes"):
        table.add_column(heading)
    for clock in CLOCKS.values():
        table.add_column(f"{clock}: ratio, lower bound", justify="right")
    table.add_column("holds")
    for one in found:
        table.add_row(*one.group, str(one.effects[JUDGED].n), *map(_cell, one.effects.values()), "yes" if one.holds else "[red]no[/]")
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)
    if disturbed := [one for one in records if not _counts(one)]:
        console.print(f"{len(disturbed)} of {len(records)} processes are left out: the machine was not quiet")
    return 0 if found and all(one.holds for one in found) else 1


def findings(records: Iterable[dict[str, Any]]) -> list[Finding]:
    """A finding for each group of records that differ in nothing but the process."""
    groups: dict[Group, list[dict[str, Any]]] = defaultdict(list)
    for one in records:
        if _counts(one):
            groups[_group(one)].append(one)
    return [Finding(group=key, effects={clock: speed_ratio(logs(members, clock)) for clock in CLOCKS}) for key, members in groups.items()]


def _counts(one: Mapping[str, Any]) -> bool:
    """Whether the machine was quiet; without Ray nobody watches."""
    return bool(one.get("noise", {"valid": True})["valid"])


def logs(records: Sequence[dict[str, Any]], clock: str) -> list[float | None]:
    """The median over rounds of log(platform / bare) of each process."""
    return [within_pair(*(_speeds(one, side, clock) for side in (PLATFORM, BARE))) for one in records]


def lower_bound(effect: Effect) -> float | None:
    """One-sided, 95%."""
    return effect.interval90.low if effect.interval90 else None


def _speeds(one: Mapping[str, Any], side: str, clock: str) -> dict[int, float]:
    turns = [(turn["round"], turn["burst"]) for turn in one["turns"] if turn["side"] == side]
    return {number: burst["samples"] * 1e9 / burst[clock] for number, burst in turns}


def _group(one: Mapping[str, Any]) -> Group:
    spec, device, threads = one["spec"], one["description"]["device"], one["description"]["threads"]
    machine = one["environment"].get("cpu_model", "unknown processor") if device == "cpu" else device
    chosen = ", ".join(f"{name} {value}" for name, value in one["choices"].items() if value) or "as the worker"
    way = "Ray" if one["ray"] else "no Ray"
    return (spec["framework"], spec["workload"], spec["track"], spec["precision"], f"{machine}, {threads} threads, {way}", chosen)


def _cell(effect: Effect) -> str:
    bound = lower_bound(effect)
    return f"{effect.estimate:.4f}, {'-' if bound is None else f'{bound:.4f}'}"


if __name__ == "__main__":
    sys.exit(main())
