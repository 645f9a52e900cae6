"""From a study to its runs and duels: pure, so that the same study and seed give the same plan."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from levelfield.result import STATUSES, Status
from levelfield.spec import Case, PlannedDuel, PlannedRun, RunSpec
from levelfield.study import Side, Study

ATTEMPTS = 3  # at what was measured while the machine was not quiet
Attempts: TypeAlias = Mapping[tuple[str, str], Sequence[tuple[int, Status]]]
DuelAttempts: TypeAlias = Mapping[tuple[str, int], Sequence[tuple[int, Status]]]


@dataclass(frozen=True, kw_only=True)
class PairWork:
    """What is still to be done of one pair; each run and the duel with the number of the attempt."""

    pair: int
    runs: tuple[tuple[PlannedRun, int], ...]
    duel: tuple[PlannedDuel, int] | None


def plan(study: Study, plan_seed: int, *, pairs: int | None = None) -> list[PlannedRun]:
    """The runs of a study in the order in which they are executed; ``pairs``: only of the first so many.

    A pair is one run of every side with the same workload, number of workers and seed. The order within each pair is random, by
    ``plan_seed``, so that drift of the machine hits the sides alike; pairs follow each other so that workloads alternate.
    """
    rng = random.Random(plan_seed)  # noqa: S311 - a reproducible order, no secret
    runs: list[PlannedRun] = []
    cases = study.cases
    for seed in study.seed_list:
        for case in cases:
            if pairs is not None and len(runs) == pairs * len(study.frameworks):
                return runs
            sides = [(side.label, _spec(study, side, case, seed)) for side in study.frameworks]
            rng.shuffle(sides)
            pair = len(runs) // len(sides)
            runs += [PlannedRun(spec=spec, side=label, pair=pair, turn=len(runs) + at) for at, (label, spec) in enumerate(sides)]
    return runs


def pending(study: Study, plan_seed: int, attempts: Attempts, duel_attempts: DuelAttempts) -> Iterator[PairWork]:
    """What is still to be done, pair by pair: all whose last attempt, if any, did not finish it."""
    for _, members in groupby(plan(study, plan_seed), lambda run: run.pair):
        pair = list(members)
        done = {run.side: attempts.get((run.spec.hash, run.side), ()) for run in pair} if attempts else {}
        runs = tuple((run, at) for run in pair if (at := _next(done.get(run.side, ()))))
        planned = _duel(pair)
        at = _next(duel_attempts.get((planned.workload, planned.pair), ())) if study.has_duels else None
        if runs or at:
            yield PairWork(pair=planned.pair, runs=runs, duel=(planned, at) if at else None)


def _next(done: Sequence[tuple[int, Status]]) -> int | None:
    """The number of the next attempt; None where the last one finished, or where it seems that the machine will never be quiet."""
    if not done:
        return 1
    number, status = done[-1]
    given_up = status is Status.INVALID and number >= ATTEMPTS
    return None if STATUSES[status].done or given_up else number + 1


def _duel(pair: Sequence[PlannedRun]) -> PlannedDuel:
    spec = pair[0].spec
    return PlannedDuel(
        specs={run.side: run.spec for run in pair}, workload=spec.workload, seed=spec.seed, pair=pair[0].pair, workers=spec.workers
    )


def _spec(study: Study, side: Side, case: Case, seed: int) -> RunSpec:
    own = {name: getattr(study, name) for name in ("track", "epochs", "learning_rate", "threads")}
    return RunSpec(
        workload=case.workload,
        framework=side.framework,
        mode=side.mode or "",
        seed=seed,
        precision=side.precision or study.precision,
        trains=study.train,
        batch_size=study.batch_size_of(case),
        workers=case.workers,
        placement=study.placement if case.workers > 1 else "pack",
        device=study.device_kind,
        device_model=study.device_model,
        **own,
    )
