"""The charts of a case, each with the data that it shows and the line that says what it rests on. What is in the file is bounded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts import duels, forest, learning, timing
from levelfield.charts.basis import basis_of, counted, per_side
from levelfield.charts.style import Look
from levelfield.report.counting import of_case
from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.runs import Frames
from levelfield.result import STATUSES
from levelfield.spec import Case

TIMED = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
LEARNED = [str(status) for status, meaning in STATUSES.items() if meaning.learning_counts]
MAX_ROWS = 10_000  # of one chart's data; of more, what is drawn of them
EVERY_CLOCK = 4_000  # points up to which the learning curves are there over every clock


@dataclass(frozen=True, kw_only=True)
class Chart:
    """``key`` names it in the page and as a file. ``choices``: which measure and clock it shows, where the reader can choose."""

    key: str
    figure: go.Figure
    data: pd.DataFrame
    basis: str
    note: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """What the charts of a case are drawn from; ``look`` says how each side is drawn."""

    frames: Frames
    analysis: Analysis
    workload: WorkloadAnalysis
    look: Mapping[str, Look]

    @property
    def case(self) -> Case:
        """The case."""
        return self.workload.case

    def key(self, name: str) -> str:
        """A chart's key."""
        return f"{name}-{self.workload.name}-{self.workload.workers}"

    def basis(self, n: str, **told: str) -> str:
        """What a chart rests on."""
        return basis_of(n, self.workload, self.analysis, **told)

    def runs(self, statuses: list[str]) -> pd.DataFrame:
        """The latest attempts that ended so."""
        own = of_case(self.frames.runs, self.case)
        return own[own["latest"] & own["status"].isin(statuses)]


def ratios(drawn: Drawn, at: int) -> Iterable[Chart]:
    """The interval plot of the comparison at that place; none where it has no ratio to show."""
    comparison = drawn.workload.comparisons[at]
    if len(data := forest.data(comparison)):
        yield Chart(
            key=drawn.key(f"ratios-{at}"),
            figure=forest.forest(comparison, drawn.analysis.margin, drawn.look),
            data=data,
            basis=drawn.basis(f"{comparison.pairs} pair{'' if comparison.pairs == 1 else 's'}", interval="95% intervals, unadjusted"),
        )


def curves(drawn: Drawn) -> Iterable[Chart]:
    """Learning curves, one for each measure over each clock; none where no epoch was completed."""
    frames, runs = drawn.frames, drawn.runs(LEARNED)
    points = learning.points(frames.epochs, runs, _steps(frames), frames.study.study)
    if points.empty:
        return
    clocks = [clock for clock in learning.CLOCKS if points[clock].notna().any()]
    data = points if len(points) <= MAX_ROWS else _means(points)
    few = "" if points.groupby("side")["run_id"].nunique().min() > 1 else "One seed has no interval."
    for measure in learning.MEASURES:
        goal = learning.target_of(drawn.workload.name) if measure == "test_accuracy" else None
        for clock in clocks if len(points) <= EVERY_CLOCK else [one for one in clocks if one in {"epoch", "seconds"}]:
            yield Chart(
                key=drawn.key(f"learning-{measure}-{clock}"),
                figure=learning.learning(points, drawn.look, measure=measure, clock=clock, target=goal),
                data=data,
                basis=drawn.basis(per_side(points, drawn.look, "run_id", "seed")),
                note=few,
                choices=(learning.MEASURES[measure], learning.CLOCKS[clock].partition(" (")[0]),
            )


def rounds(drawn: Drawn) -> Iterable[Chart]:
    """The ratio within each round of each duel that counts."""
    bursts = of_case(drawn.frames.bursts, drawn.case)
    bursts = bursts[bursts["status"].isin(TIMED)]
    for at, comparison in enumerate(drawn.workload.comparisons if len(bursts) else ()):
        if figure := duels.rounds(bursts, comparison, drawn.analysis.margin, drawn.look):
            taken = bursts[bursts["side"].isin([comparison.a.label, comparison.b.label])]
            pairs = taken["seed"].nunique()
            yield Chart(
                key=drawn.key(f"duels-{at}"),
                figure=figure,
                data=_limited(taken[["seed", "pair", "round", "side", "steps", "samples", "duration_s"]], ["seed", "side"], "duration_s"),
                basis=drawn.basis(f"{pairs} duel{'' if pairs == 1 else 's'}", interval=""),
                note="A point is a round, in which both sides took a turn; the bar is the pair's median, the unit of the verdict.",
            )


def steps(drawn: Drawn) -> Iterable[Chart]:
    """How long training steps take, steady ones and those of the warm-up."""
    runs = drawn.runs(TIMED)
    blocks = drawn.frames.blocks[drawn.frames.blocks["run_id"].isin(runs["run_id"])]
    for part, own in (("steady", blocks[blocks["steady"]]), ("warm-up", blocks[~blocks["steady"]])):
        if own.empty:
            continue
        pooled = own.groupby("side")["run_id"].nunique().max() > timing.MAX_BOXES
        yield Chart(
            key=drawn.key(f"steps-{part}"),
            figure=timing.step_times(own, drawn.look),
            data=_limited(own[["run_id", "side", "seed", "epoch", "first_step", "steps", "step_s"]], ["run_id", "side", "seed"], "step_s"),
            basis=drawn.basis(_blocks(own, drawn.look, f"{part} block"), interval=""),
            note="The slowest 0.5% lie beyond the right edge."
            if pooled
            else f"A point is a {part} block of steps between two looks at the clock.",
            choices=(part,),
        )


def phases(drawn: Drawn) -> Iterable[Chart]:
    """Where a run's time goes."""
    runs = drawn.runs(TIMED)
    if runs.empty:
        return
    columns = [name for name in map(str, runs) if name.startswith("phase_") and (runs[name] > 0).any()]
    yield Chart(
        key=drawn.key("phases"),
        figure=timing.phases(runs, drawn.look),
        data=runs[["run_id", "side", "seed", "wall_s", *columns]],
        basis=drawn.basis(per_side(runs, drawn.look, "run_id", "run"), interval=""),
        note="The time to train is the phases marked * (build, warm-up, training); the total wall clock, the vertical mark, is all of "
        "them. Medians of phases need not add up to it.",
    )


def _steps(frames: Frames) -> pd.DataFrame:
    """By run, how many steps its first epoch had."""
    first = frames.blocks[frames.blocks["epoch"] == 0].groupby("run_id")["steps"].sum()
    return first.reindex(frames.runs["run_id"]).rename("first_epoch_steps").reset_index()


def _blocks(own: pd.DataFrame, look: Mapping[str, Look], unit: str) -> str:
    return counted({side.name: int((own["side"] == label).sum()) for label, side in look.items()}, unit)


def _means(points: pd.DataFrame) -> pd.DataFrame:
    """Of too many points, by side and epoch the mean of everything and how many runs it is of."""
    groups = points.drop(columns=["run_id", "seed"]).groupby(["side", "epoch"])
    return groups.mean().join(groups.size().rename("runs")).reset_index()


def _limited(rows: pd.DataFrame, by: list[str], value: str) -> pd.DataFrame:
    """All rows or, of too many, the quantiles of a value by run or pair."""
    if len(rows) <= MAX_ROWS:
        return rows
    groups = rows.groupby(by)[value]
    columns = {f"{value}_{share:.0%}": groups.quantile(share) for share in timing.QUANTILES.values()}
    return pd.DataFrame(columns).reset_index().head(MAX_ROWS)
