"""What networks learn, as charts: curves, what the trained ones confuse, and where those of two sides disagree."""

from collections.abc import Iterable, Mapping

import pandas as pd

from levelfield.charts import learning
from levelfield.charts import predictions as maps
from levelfield.charts.basis import per_side
from levelfield.predictions import Predictions
from levelfield.report import confusion
from levelfield.report.counting import LEARNED
from levelfield.report.examples import class_names
from levelfield.report.html.chart import MAX_ROWS, Chart, Drawn
from levelfield.report.model import Comparison
from levelfield.report.predictions import networks_of

EVERY_CLOCK = 4_000  # points up to which the learning curves are there over every clock


def curves(drawn: Drawn) -> Iterable[Chart]:
    """Learning curves, one for each measure over each clock; none where no epoch was completed."""
    frames = drawn.frames
    points = learning.points(frames.epochs, drawn.runs(LEARNED), frames.steps, frames.study.study)
    if points.empty:
        return
    clocks = [clock for clock in learning.CLOCKS if points[clock].notna().any()]
    if len(points) > EVERY_CLOCK:
        clocks = [clock for clock in clocks if clock in {"epoch", "seconds"}]
    goal, data = learning.target_of(drawn.workload.name), points if len(points) <= MAX_ROWS else _means(points)
    basis = drawn.basis(per_side(points, drawn.look, "run_id", "seed"))
    few = "" if points.groupby("side")["run_id"].nunique().min() > 1 else "One seed has no interval."
    for measure, title in learning.MEASURES.items():
        target = goal if measure == "test_accuracy" else None
        for clock in clocks:
            yield Chart(
                key=drawn.key(f"learning-{measure}-{clock}"),
                figure=learning.learning(points, drawn.look, measure=measure, clock=clock, target=target),
                data=data,
                basis=basis,
                note=few,
                choices=(title, learning.CLOCKS[clock].partition(" (")[0]),
            )


def predicted(drawn: Drawn, at: int) -> Iterable[Chart]:
    """Of the comparison at that place what each side's networks confuse, and where they disagree; none without predictions.

    Raises ValueError where predictions cannot be read, or the networks were judged on different examples.
    """
    comparison = drawn.workload.comparisons[at]
    pairs = networks_of(comparison.trained, drawn.predictions)
    if not pairs:
        return
    yield from _confusions(drawn, comparison, pairs, at)
    yield from _disagreement(drawn, comparison, pairs, at)


def _confusions(drawn: Drawn, comparison: Comparison, pairs: Mapping[int, tuple[Predictions, Predictions]], at: int) -> Iterable[Chart]:
    labels, names = confusion.right_classes(one for two in pairs.values() for one in two), class_names(drawn.workload.name)
    found = [confusion.confusion((two[side] for two in pairs.values()), labels) for side in (0, 1)]
    chosen = confusion.worth_showing(found, maps.MAX_CLASSES)
    matrices = [confusion.most_confused(counts, chosen) for counts in found]
    unknown = int((labels == confusion.UNKNOWN).sum())
    left_out = f" {unknown:,} examples that no network had right are left out." if unknown else ""
    for side, matrix, letter in zip((comparison.a, comparison.b), matrices, "ab", strict=True):
        yield Chart(
            key=drawn.key(f"confusion-{at}-{letter}"),
            figure=maps.confusion(matrix, names, drawn.look[side.label], top=maps.most_errors(matrices)),
            data=maps.confusion_frame(matrix, names),
            basis=_basis(drawn, pairs),
            note=f"In percent of the right class; grey is right, colours are errors, on one scale for both sides.{left_out}",
            choices=(f"{side.title} confuses",),
        )


def _disagreement(drawn: Drawn, comparison: Comparison, pairs: Mapping[int, tuple[Predictions, Predictions]], at: int) -> Iterable[Chart]:
    counts, names = confusion.disagreement(pairs), class_names(drawn.workload.name)
    apart = int(counts.sum() - counts.trace())
    if not apart:
        return
    matrix = confusion.most_confused(counts, confusion.worth_showing([counts], maps.MAX_CLASSES))
    a, b = comparison.a.label, comparison.b.label
    yield Chart(
        key=drawn.key(f"disagreement-{at}"),
        figure=maps.disagreement(matrix, names, (drawn.look[a], drawn.look[b])),
        data=maps.disagreement_frame(matrix, names, (a, b)),
        basis=_basis(drawn, pairs),
        note=f"The networks of a seed gave {apart:,} of {counts.sum():,} answers different classes. Grey is where they agree.",
        choices=("where they disagree",),
    )


def _basis(drawn: Drawn, pairs: Mapping[int, tuple[Predictions, Predictions]]) -> str:
    seeds, number = len(pairs), next(iter(pairs.values()))[0].examples
    n = f"{seeds} network{'' if seeds == 1 else 's'} a side on {number:,} test examples"
    return drawn.basis(n, interval="counts, so no intervals")


def _means(points: pd.DataFrame) -> pd.DataFrame:
    """Of too many points, by side and epoch the mean of everything and how many runs it is of."""
    groups = points.drop(columns=["run_id", "seed"]).groupby(["side", "epoch"])
    return groups.mean().join(groups.size().rename("runs")).reset_index()
