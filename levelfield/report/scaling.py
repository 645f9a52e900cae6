"""How training scales: more workers against the fewest, side by side with itself (methodology, rule 14).

Over pairs of runs with the same seed, from the throughput of whole runs: bursts set frameworks against each other, not sizes of a gang.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from levelfield.report.claims import within
from levelfield.report.model import Scaling, ScalingComparison, ScalingStep, Side
from levelfield.report.quantities import THROUGHPUT
from levelfield.report.runs import Run
from levelfield.report.titles import workload_title
from levelfield.report.verdicts import Question
from levelfield.stats import Effect, Interval, describe, ratio


def scaling(asked: Question, runs: Sequence[Run]) -> tuple[Scaling, ...]:
    """Each side on each workload; empty where the study has one number of workers."""
    workers, counted = _workers(asked), _counted(asked, runs)
    return tuple(_scaling(name, side, workers, counted) for name in _names(asked) for side in asked.sides if len(workers) > 1)


def scaling_compared(asked: Question, runs: Sequence[Run]) -> tuple[ScalingComparison, ...]:
    """Every two sides on each workload, at the most workers; empty where the study has one number of them."""
    workers, counted = _workers(asked), _counted(asked, runs)
    if len(workers) == 1:
        return ()
    return tuple(_compared(name, two, workers[0], workers[-1], counted) for name in _names(asked) for two in asked.pairs_of_sides)


def _workers(asked: Question) -> list[int]:
    return sorted({case.workers for case in asked.cases})


def _names(asked: Question) -> list[str]:
    return list(dict.fromkeys(case.workload for case in asked.cases))


def _counted(asked: Question, runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.latest and within(run, asked.look, len(asked.cases))]


def _by_case(workload: str, side: Side, runs: Iterable[Run]) -> dict[int, dict[int, Run]]:
    """The runs of a side by their number of workers and seed."""
    found: dict[int, dict[int, Run]] = defaultdict(dict)
    for run in runs:
        if run.workload == workload and run.side == side.label:
            found[run.workers][run.seed] = run
    return found


def _compared(workload: str, two: tuple[Side, Side], base: int, workers: int, runs: Sequence[Run]) -> ScalingComparison:
    speedups = [_speedups(_by_case(workload, side, runs), base, workers) for side in two]
    seeds = sorted(speedups[0].keys() | speedups[1].keys())
    columns = [[one.get(seed) for seed in seeds] for one in speedups]
    return ScalingComparison(
        workload=workload, title=workload_title(workload), a=two[0], b=two[1], base=base, workers=workers, effect=ratio(*columns)
    )


def _speedups(by_case: dict[int, dict[int, Run]], base: int, workers: int) -> dict[int, float | None]:
    """By seed; None where one of the two runs has no throughput."""
    found: dict[int, float | None] = {}
    for seed in by_case[base].keys() | by_case[workers].keys():
        few, many = (runs[seed].value(THROUGHPUT) if seed in (runs := by_case[number]) else None for number in (base, workers))
        found[seed] = many / few if few and many else None
    return found


def _scaling(workload: str, side: Side, workers: Sequence[int], runs: Iterable[Run]) -> Scaling:
    by_case = _by_case(workload, side, runs)
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
