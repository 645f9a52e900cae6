"""How training scales: more workers against the fewest, side by side with itself (methodology, rule 14).

Over pairs of runs with the same seed, from the throughput of whole runs: bursts set frameworks against each other, not sizes of a gang.
"""

from collections.abc import Iterable, Sequence

from levelfield.report.claims import within
from levelfield.report.model import Scaling, ScalingStep, Side
from levelfield.report.quantities import THROUGHPUT
from levelfield.report.runs import Run
from levelfield.report.titles import workload_title
from levelfield.report.verdicts import Question
from levelfield.stats import Effect, Interval, describe, ratio


def scaling(asked: Question, runs: Sequence[Run]) -> tuple[Scaling, ...]:
    """Each side on each workload; empty where the study has one number of workers."""
    workers = sorted({case.workers for case in asked.cases})
    if len(workers) < 2:
        return ()
    counted = [run for run in runs if run.latest and within(run, asked.look, len(asked.cases))]
    names = dict.fromkeys(case.workload for case in asked.cases)
    return tuple(_scaling(name, side, workers, counted) for name in names for side in asked.sides)


def _scaling(workload: str, side: Side, workers: Sequence[int], runs: Iterable[Run]) -> Scaling:
    by_case: dict[int, dict[int, Run]] = {number: {} for number in workers}
    for run in runs:
        if run.workload == workload and run.side == side.label:
            by_case[run.workers][run.seed] = run
    steps = tuple(_step(number, by_case[number], workers[0], by_case[workers[0]]) for number in workers)
    return Scaling(workload=workload, title=workload_title(workload), side=side, base=workers[0], steps=steps)


def _step(workers: int, runs: dict[int, Run], base: int, fewest: dict[int, Run]) -> ScalingStep:
    seeds = sorted(runs.keys() | fewest.keys())
    both = [(runs.get(seed), fewest.get(seed)) for seed in seeds]
    speedup = ratio(*([run.value(THROUGHPUT) if run else None for run in column] for column in zip(*both, strict=True))) if both else None
    speedup = speedup or Effect(scale="ratio", n=0, excluded=0)
    more = workers / base
    return ScalingStep(
        workers=workers,
        throughput=describe([run.value(THROUGHPUT) for run in runs.values()]),
        speedup=speedup,
        efficiency=None if speedup.estimate is None else speedup.estimate / more,
        interval=Interval(speedup.interval.low / more, speedup.interval.high / more) if speedup.interval and workers > base else None,
    )
