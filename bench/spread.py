"""What separates equal processes? The same program, started in several ways, all of them alive and taking turns in bursts.

    .venv/bin/python bench/spread.py torch [--workload digits_cnn] [--groups 30] [--variants default no-aslr ...] [--out FILE.json]

A group has one fresh process of each variant. A process's figure is the median over the rounds of log(step time), less the mean over the
group's processes; a variant's spread is the standard deviation of its figures over the groups, corrected for the part that the others have
in that mean. Without Ray. Run it on a quiet machine.
"""

import argparse
import json
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from levelfield.services import ROOT, Service, discover
from levelfield.spec import RunSpec

ROUNDS, TARGET_NS = 20, 250_000_000


@dataclass(frozen=True, kw_only=True)
class Variant:
    """How a process is started: words before its command and environment variables."""

    prefix: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


NO_ASLR = ("setarch", "-R")
HASH, ARENA, HUGE = {"PYTHONHASHSEED": "0"}, {"MALLOC_ARENA_MAX": "1"}, {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
VARIANTS = {
    "default": Variant(),
    "no-aslr": Variant(prefix=NO_ASLR, variables=HASH),
    "huge-pages": Variant(variables=HUGE),
    "one-arena": Variant(variables=ARENA),
    "no-aslr+huge-pages": Variant(prefix=NO_ASLR, variables=HASH | HUGE),
    "all": Variant(prefix=NO_ASLR, variables=HASH | HUGE | ARENA),
}


class Live:
    """A process that is ready for bursts."""

    def __init__(self, service: Service, spec: RunSpec, variant: Variant, stack: ExitStack) -> None:
        command = [*variant.prefix, str(service.python), str(ROOT / "bench/live_worker.py"), service.name, json.dumps(spec.to_dict())]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = stack.enter_context(subprocess.Popen(command, text=True, env=os.environ | dict(variant.variables), **pipes))
        stack.callback(self._process.kill)

    def wait(self) -> None:
        """Until it is ready. Raises RuntimeError where it ended instead."""
        if self._read() != "ready":
            raise RuntimeError("a worker did not get ready; bench/live_worker.py says why")

    def burst(self) -> float:
        """Nanoseconds a step."""
        assert self._process.stdin
        self._process.stdin.write(f"{TARGET_NS}\n")
        self._process.stdin.flush()
        return float(self._read())

    def _read(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


def group(service: Service, spec: RunSpec, names: Sequence[str]) -> NDArray[np.float64]:
    """Logarithms of step times, shape (rounds, variants): one process of each variant, begun and asked in random order."""
    with ExitStack() as stack:
        live = {name: Live(service, spec, VARIANTS[name], stack) for name in random.sample(names, len(names))}
        for one in live.values():
            one.wait()
        taken = np.empty((ROUNDS + 1, len(names)))
        for row in taken:
            for name in random.sample(names, len(names)):
                row[names.index(name)] = live[name].burst()
    return np.log(taken[1:])  # the first round brings every process back to work


def figures(groups: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """A process's figure, shape (groups, variants)."""
    medians = np.array([np.median(taken, axis=0) for taken in groups])
    return medians - medians.mean(axis=1, keepdims=True)


def variances(found: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each variant's own variance, shape (variants,).

    With k variants of variances s, a figure x - mean(x) has the variance s (1 - 2/k) + sum(s) / k^2, and summed over all of them
    sum(s) (1 - 1/k); solved for s.
    """
    k = found.shape[1]
    seen = found.var(axis=0, ddof=1)
    return (seen - seen.sum() / (1 - 1 / k) / k**2) / (1 - 2 / k)


def show(framework: str, names: Sequence[str], groups: Sequence[NDArray[np.float64]]) -> None:
    """The spread with its 95% interval (chi squared, as if the variant's own variance had been seen), and the speed against the first."""
    found = figures(groups)
    n = len(groups)
    low, high = (np.sqrt((n - 1) / stats.chi2.ppf(q, n - 1)) for q in (0.975, 0.025))
    table = Table(title=f"{framework}: {n} groups of {len(names)} processes, {ROUNDS} rounds")
    for heading in ("variant", "spread of a process", "of a pair", "step time against the first"):
        table.add_column(heading, justify="right")
    for at, (name, variance) in enumerate(zip(names, variances(found), strict=True)):
        sd = float(np.sqrt(max(0.0, variance)))
        against = found[:, at] - found[:, 0]
        half = stats.t.ppf(0.975, n - 1) * against.std(ddof=1) / n**0.5
        change = f"{np.expm1(against.mean()):+.1%} ± {half:.1%}" if at else ""
        table.add_row(name, f"{sd:.1%} [{low * sd:.1%}, {high * sd:.1%}]", f"{2**0.5 * sd:.1%}", change)
    Console(width=140).print(table)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("framework", choices=sorted(discover()))
    parser.add_argument("--workload", default="digits_cnn")
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    parser.add_argument("--out", type=Path, help="the logarithms of all step times, as JSON")
    options = parser.parse_args()
    service = discover()[options.framework]
    spec = RunSpec(workload=options.workload, framework=service.name, mode=service.default_mode, seed=0, trains=False)
    groups: list[NDArray[np.float64]] = []
    for _ in range(options.groups):
        groups.append(group(service, spec, options.variants))
        if options.out:
            options.out.write_text(json.dumps({"variants": options.variants, "log_step_ns": [g.tolist() for g in groups]}) + "\n")
    show(options.framework, options.variants, groups)


if __name__ == "__main__":
    main()
