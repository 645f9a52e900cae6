"""Learning curves: accuracy and losses over epochs, steps, seconds or cost."""

import streamlit as st

from levelfield.charts import learning
from levelfield.charts.basis import basis_of, per_side
from levelfield.report import target
from levelfield.report.counting import LEARNED, counted
from ui import look, visit
from ui.choosing import switch
from ui.drawing import chart
from ui.sections import heading
from ui.visit import Shown


def main() -> None:
    """The page."""
    shown = visit.case()
    runs = counted(shown.opened.frames.runs, shown.workload.case, LEARNED)
    heading("How they learn", "A thin line is one seed, the bold line the mean over seeds, the band its 95% interval at each point.")
    if shown.opened.frames.epochs["run_id"].isin(runs["run_id"]).sum() == 0:
        st.html(look.div("", "No run that counts has completed an epoch."))
        return
    _curves(shown)
    for comparison in shown.workload.comparisons:
        if comparison.to_target:
            titles = comparison.a.title, comparison.b.title
            st.html(look.div("", target.told(comparison.to_target, titles, shown.workload.name)))


def _curves(shown: Shown) -> None:
    frames = shown.opened.frames
    points = learning.points(frames.epochs, counted(frames.runs, shown.workload.case, LEARNED), frames.steps, frames.study.study)
    clocks = {name: title.partition(" (")[0] for name, title in learning.CLOCKS.items() if points[name].notna().any()}
    with st.container(horizontal=True):
        measure = switch("measure", learning.MEASURES)
        clock = switch("over", clocks)
    goal = learning.target_of(shown.workload.name) if measure == "test_accuracy" else None
    figure = learning.learning(points, shown.sides, measure=measure, clock=clock, target=goal)
    seeds = per_side(points, shown.sides, "run_id", "seed")
    few = "" if points.groupby("side")["run_id"].nunique().min() > 1 else "One seed has no interval."
    chart(figure, f"learning-{shown.key}", points, basis=basis_of(seeds, shown.workload, shown.analysis), note=few)


main()
