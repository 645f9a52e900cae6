"""Where the time goes, as charts: duels round by round, the time of a step, phases, and when a slow start pays."""

from collections.abc import Iterable

import pandas as pd

from levelfield.charts import duels, starts, steps
from levelfield.charts import phases as stacked
from levelfield.charts.basis import per_side
from levelfield.report.counting import TIMED, of_case
from levelfield.report.html.chart import MAX_ROWS, Chart, Drawn

KINDS = {"steady": "steady", "warm": "warm-up"}
TWO_CLOCKS = (
    "The time to train is the phases marked * (build, warm-up, training); the total wall clock, the vertical mark, is all of them. "
    "Medians of phases need not add up to it."
)


def rounds(drawn: Drawn) -> Iterable[Chart]:
    """The ratio within each round of each duel that counts."""
    bursts = of_case(drawn.frames.bursts, drawn.workload.case)
    bursts = bursts[bursts["status"].isin(TIMED)]
    for at, comparison in enumerate(drawn.workload.comparisons if len(bursts) else ()):
        if figure := duels.rounds(bursts, comparison, drawn.analysis.margin, drawn.look):
            found = duels.ratios(bursts, comparison)
            yield Chart(
                key=drawn.key(f"duels-{at}"),
                figure=figure,
                data=found if len(found) <= MAX_ROWS else found.groupby("seed")["ratio"].describe().reset_index(),
                basis=drawn.basis(f"{len(found):,} rounds in {found['seed'].nunique()} pairs", interval=""),
                note="A point is a round, in which both sides took a turn; the bar is the pair's median, the unit of the verdict.",
            )


def step_times(drawn: Drawn) -> Iterable[Chart]:
    """How long training steps take, steady ones and those of the warm-up, run by run and over all runs."""
    summaries = drawn.frames.steps[drawn.frames.steps["run_id"].isin(drawn.runs(TIMED)["run_id"])]
    summaries = summaries.assign(warm_blocks=summaries["blocks"] - summaries["steady_blocks"])
    for kind, title in KINDS.items():
        own = summaries[summaries[f"{kind}_blocks"] > 0]
        if own.empty:
            continue
        number = int(own[f"{kind}_blocks"].sum())
        basis = drawn.basis(f"{number:,} {title} blocks, {per_side(own, drawn.look, 'run_id', 'run')}", interval="")
        if own.groupby("side")["run_id"].nunique().max() <= steps.MAX_BOXES:
            yield _by_run(drawn, own, kind, number, basis)
        yield Chart(
            key=drawn.key(f"steps-{kind}-all"),
            figure=steps.distribution(own, drawn.look, column=f"{kind}_step_s"),
            data=steps.points(own, column=f"{kind}_step_s"),
            basis=basis,
            note="Each run counts alike, by its percentiles.",
            choices=(title, "all runs"),
        )


def phases(drawn: Drawn) -> Iterable[Chart]:
    """The phases of a run, stacked to its wall clock."""
    runs = drawn.runs(TIMED)
    if runs.empty:
        return
    columns = [name for name in map(str, runs) if name.startswith("phase_") and (runs[name] > 0).any()]
    figure = stacked.phases(runs, drawn.look)
    yield Chart(
        key=drawn.key("phases"),
        figure=figure,
        data=runs[["run_id", "side", "seed", "wall_s", *columns]].head(MAX_ROWS),
        basis=drawn.basis(per_side(runs, drawn.look, "run_id", "run"), interval="medians"),
        note=TWO_CLOCKS,
        legend=stacked.phase_colours(figure),
    )


def break_even(drawn: Drawn) -> Iterable[Chart]:
    """Seconds until so many epochs are trained; none where no side has enough steady steps to tell its start from its speed."""
    runs = drawn.runs(TIMED)
    own = drawn.frames.steps[drawn.frames.steps["run_id"].isin(runs["run_id"])]
    examples, epochs = own["first_epoch_samples"].median(), own["epochs"].median()
    if not examples > 0:  # also where it is not known
        return
    data = starts.lines(drawn.workload.sides, float(examples), starts.horizon(drawn.workload.comparisons, float(epochs)))
    if len(data):
        yield Chart(
            key=drawn.key("starts"),
            figure=starts.starts(data, drawn.workload.comparisons, drawn.look),
            data=data,
            basis=drawn.basis(per_side(runs, drawn.look, "run_id", "run"), interval="straight lines from medians"),
        )


def _by_run(drawn: Drawn, own: pd.DataFrame, kind: str, number: int, basis: str) -> Chart:
    """A box for each run: from its blocks, or from its percentiles where there are many."""
    if number <= steps.MAX_POINTS:
        blocks = drawn.frames.blocks(own["run_id"].tolist())
        data = blocks[blocks["steady"] == (kind == "steady")]
        figure, note = steps.by_run(data, drawn.look), "A point is a block of steps between two looks at the clock."
    else:
        data = own.drop(columns=["steady_step_s", "warm_step_s"])
        figure = steps.boxes(own, drawn.look, column=f"{kind}_step_s")
        note = "Box: quartiles; whiskers: 5% and 95% of the blocks of a run."
    return Chart(key=drawn.key(f"steps-{kind}-runs"), figure=figure, data=data, basis=basis, note=note, choices=(KINDS[kind], "run by run"))
