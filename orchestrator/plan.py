"""From a study to its runs: pure, so that the same study and seed give the same plan."""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from levelfield.result import STATUSES, Status
from levelfield.spec import PlannedRun, RunSpec
from levelfield.study import Side, Study

Attempts: TypeAlias = Mapping[tuple[str, str], Sequence[tuple[int, Status]]]


def plan(study: Study, plan_seed: int) -> list[PlannedRun]:
    """The runs of a study in the order in which they are executed.

    A pair is one run of every side with the same workload and seed. The order within each pair is random, by ``plan_seed``, so that drift
    of the machine hits the sides alike; pairs follow each other so that workloads alternate.
    """
    rng = random.Random(plan_seed)  # noqa: S311 - a reproducible order, no secret
    runs: list[PlannedRun] = []
    for seed in study.seed_list:
        for workload in study.workloads:
            sides = [(side.label, _spec(study, side, workload, seed)) for side in study.frameworks]
            rng.shuffle(sides)
            pair = len(runs) // len(sides)
            runs += [PlannedRun(spec=spec, side=label, pair=pair, turn=len(runs) + at) for at, (label, spec) in enumerate(sides)]
    return runs


def pending(runs: Sequence[PlannedRun], attempts: Attempts) -> Iterator[tuple[PlannedRun, int]]:
    """The runs that are still to be done, with the number of the attempt: all whose last attempt, if any, did not finish them."""
    for run in runs:
        done = attempts.get((run.spec.hash, run.side), ())
        if not done or not STATUSES[done[-1][1]].done:
            yield run, done[-1][0] + 1 if done else 1


def _spec(study: Study, side: Side, workload: str, seed: int) -> RunSpec:
    own = {name: getattr(study, name) for name in ("track", "device", "batch_size", "epochs", "learning_rate", "threads")}
    precision = side.precision or study.precision
    return RunSpec(workload=workload, framework=side.framework, mode=side.mode or "", seed=seed, precision=precision, **own)
