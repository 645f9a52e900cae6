"""Platform against bare loop in one live worker process: the measuring half of `bench.overhead`, and all of it on a machine without Ray.

    services/torch_worker/.venv/bin/python -m bench.overhead_process torch cifar10_cnn --device cuda --processes 8 --out raw.jsonl

Runs in the service's own environment and needs the standard library, NumPy and the framework alone. Each process is a fresh one. Prints a
line of JSON for each, for `bench/overhead.py report`, and a summary behind ``#``.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.bare import Choices, load
from levelfield.bursts import Burst
from levelfield.duel import ROUNDS, Turn, take_turns
from levelfield.result import RunResult, Status
from levelfield.run import Session
from levelfield.services import ROOT, discover
from levelfield.spec import RunSpec

PLATFORM, BARE = "platform", "bare"
PROCESSES, TARGET_MS = 8, 500
WARM_UP_NS = 250_000_000
NO_START = {"process_start": 0}  # what passed before is not asked for here


@dataclass(frozen=True, kw_only=True)
class Timed(Burst):
    """``whole_ns``: the burst as whoever asked for it saw it, without the discarded steps; what lies between blocks is contained."""

    whole_ns: int


class BareBurster:
    """Bursts of the bare loop on a live worker; `levelfield.bursts.Burster` gives the platform's."""

    def __init__(self, framework: str, worker: Any, choices: Choices) -> None:
        self._loop = load(framework, worker, choices)
        self._left = time.perf_counter_ns(), time.process_time_ns()

    def burst(self, steps: int, discarded_steps: int) -> Burst:
        """So many steps, timed as one, after so many that do not count. The device is waited for after each of the two, and no more."""
        started, (left_at, left_cpu) = time.monotonic_ns(), self._left
        idle_ns, cpu = time.perf_counter_ns() - left_at, time.process_time_ns()
        discarded_ns, duration_ns = self._train(discarded_steps), self._train(steps)
        self._left = time.perf_counter_ns(), time.process_time_ns()
        return Burst(
            steps=steps,
            samples=steps * self._loop.batch_size,
            duration_ns=duration_ns,
            discarded_steps=discarded_steps,
            discarded_ns=discarded_ns,
            cpu_ns=self._left[1] - cpu,
            idle_cpu_ns=cpu - left_cpu,
            idle_ns=idle_ns,
            started_ns=started,
        )

    def _train(self, steps: int) -> int:
        started = time.perf_counter_ns()
        self._loop.train(steps)
        self._loop.synchronize()
        return time.perf_counter_ns() - started


class Contest:
    """Turns of the platform and the bare loop on one worker. ``platform(target_ns)`` and ``bare(steps, discarded_steps)`` give a burst.

    A bare burst does as many steps as the platform's last one, which ends with the first block after ``target_ns``.
    """

    def __init__(self, platform: Callable[[int], Burst], bare: Callable[[int, int], Burst]) -> None:
        self._platform, self._bare = platform, bare
        self._last = platform(WARM_UP_NS)

    def turns(self, *, seed: int, rounds: int, target_ns: int) -> Iterator[Turn]:
        """Every burst is a `Timed`. The loop compiles before the first round."""
        self._burst(BARE, target_ns)
        return take_turns((PLATFORM, BARE), self._burst, seed=seed, rounds=rounds, target_ns=target_ns)

    def _burst(self, side: str, target_ns: int) -> Timed:
        started = time.perf_counter_ns()
        burst = self._platform(target_ns) if side == PLATFORM else self._bare(self._last.steps, self._last.discarded_steps)
        whole_ns = time.perf_counter_ns() - started - burst.discarded_ns
        self._last = burst
        return Timed(**asdict(burst), whole_ns=whole_ns)


def add_options(parser: argparse.ArgumentParser) -> None:
    """What both halves are told."""
    parser.add_argument("--track", choices=("matched", "tuned"), default="matched")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32", help="bf16 in the track tuned alone")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, help="default: one for each core")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="fresh ones, for each workload")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="in each process")
    parser.add_argument("--target-ms", type=int, default=TARGET_MS, help="a burst of the platform lasts at least so long")
    parser.add_argument("--prepared", action="store_true", help="the bare loop makes images floats once, not in every step")
    parser.add_argument("--steps-per-call", type=int, help="of the bare TensorFlow graph; default: as the track declares it")


def run_spec(options: Namespace, framework: str, workload: str, number: int) -> RunSpec:
    """The worker of process ``number``, which also is its seed; it warms up only."""
    fields = {name: getattr(options, name) for name in ("track", "precision", "device", "threads")}
    mode = discover()[framework].default_mode
    return RunSpec(workload=workload, framework=framework, mode=mode, seed=number, trains=False, **fields)


def choices_of(options: Namespace) -> Choices:
    """What the bare loop does otherwise."""
    return Choices(prepared=options.prepared, steps_per_call=options.steps_per_call)


def ready(result: Any) -> RunResult:
    """The last event of a run. Raises SystemExit where it did not end well."""
    if isinstance(result, RunResult) and result.status is Status.OK:
        return result
    failure = getattr(result, "failure", None)
    raise SystemExit(f"the worker did not get ready: {failure.reason if failure else result}")


def record(options: Namespace, spec: RunSpec, result: RunResult, contest: Contest, *, ray: bool) -> dict[str, Any]:
    """Do the turns; everything that is kept of a process, as JSON can hold it."""
    turns = contest.turns(seed=spec.seed, rounds=options.rounds, target_ns=options.target_ms * 1_000_000)
    return {
        "spec": spec.to_dict(),
        "ray": ray,
        "choices": asdict(choices_of(options)),
        "target_ms": options.target_ms,
        "turns": [asdict(turn) for turn in turns],
        "description": result.description,
        "environment": result.environment,
    }


def measure(options: Namespace, number: int) -> dict[str, Any]:
    """One process's record, made in this very process. Raises SystemExit where the worker does not get ready."""
    spec = run_spec(options, options.framework, options.workload, number)
    session = Session(discover()[spec.framework])
    *_, result = session.run(spec, before_ns=NO_START)
    result = ready(result)
    contest = Contest(session.burster.burst, BareBurster(spec.framework, session.worker, choices_of(options)).burst)
    return record(options, spec, result, contest, ray=False)


def median_log(found: dict[str, Any]) -> float:
    """The median over rounds of log(platform / bare), from the speeds of whole bursts."""
    logs: dict[int, float] = {}
    for turn in found["turns"]:
        speed = math.log(turn["burst"]["samples"] / turn["burst"]["whole_ns"])
        logs[turn["round"]] = logs.get(turn["round"], 0.0) + (speed if turn["side"] == PLATFORM else -speed)
    return median(logs.values())


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0 when every process ended well, 1 when one did not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=("tensorflow", "torch"))
    parser.add_argument("workload", choices=("cifar10_cnn", "imdb_lstm"))
    add_options(parser)
    parser.add_argument("--out", type=Path, metavar="FILE", help="append the lines of JSON there, too")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)  # this is a process of its own, of that number
    options = parser.parse_args(arguments)
    if options.only is not None:
        print(json.dumps(measure(options, options.only)))
        return 0
    return _spawn(options, sys.argv[1:] if arguments is None else arguments)


def _spawn(options: Namespace, arguments: list[str]) -> int:
    logs = []
    for number in range(options.processes):
        command = [sys.executable, "-m", "bench.overhead_process", *arguments, f"--only={number}"]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            return 1
        line = done.stdout.splitlines()[-1]
        print(line, flush=True)
        if options.out:
            with options.out.open("a") as file:
                file.write(line + "\n")
        logs.append(median_log(json.loads(line)))
        print(f"# process {number}: platform / bare {math.exp(logs[-1]):.4f}", flush=True)
    print(f"# geometric mean of {len(logs)} processes {math.exp(sum(logs) / len(logs)):.4f}; bench/overhead.py report gives the bound")
    return 0


if __name__ == "__main__":
    sys.exit(main())
