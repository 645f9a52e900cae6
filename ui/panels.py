"""The charts with their switches. A chart is drawn over the runs that count for it, the latest attempt of each."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from levelfield.report.model import WorkloadAnalysis
from levelfield.result import STATUSES
from levelfield.spec import Case
from levelfield.store.frames import StudyFrames
from levelfield.tracks import TRACKS, Granularity
from ui import charts, duel_charts, timing_charts
from ui.look import Look, chips, div
from ui.sections import heading, of_case

TIMED = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
LEARNED = [str(status) for status, meaning in STATUSES.items() if meaning.learning_counts]


def ratios(workload: WorkloadAnalysis, margin: float, look: Mapping[str, Look]) -> None:
    """An interval plot for each comparison that has a ratio to show."""
    for at, comparison in enumerate(workload.comparisons):
        if any(effect.scale == "ratio" and effect.n for effect in comparison.effects.values()):
            _chart(charts.forest(comparison, margin, look), f"ratios-{name_of(workload.case)}-{at}")


def duels(workload: WorkloadAnalysis, frames: StudyFrames, margin: float, look: Mapping[str, Look]) -> None:
    """What the verdict on speed rests on: every round of every duel that counts."""
    bursts = of_case(frames.bursts, workload.case)
    bursts = bursts[bursts["status"].isin(TIMED)]
    if bursts.empty:
        return
    heading(
        "How they duelled", "A point is a round, in which both sides took a turn; the bar is the pair's median, the unit of the verdict."
    )
    for at, comparison in enumerate(workload.comparisons):
        if figure := duel_charts.rounds(bursts, comparison, margin, look):
            _chart(figure, f"duels-{name_of(workload.case)}-{at}")


def learning(case: Case, frames: StudyFrames, look: Mapping[str, Look]) -> None:
    """Accuracy and losses over epochs or seconds."""
    runs = counted(frames.runs, case, LEARNED)
    epochs = frames.epochs[frames.epochs["run_id"].isin(runs["run_id"])]
    many = runs.groupby("side")["run_id"].nunique().max() > charts.MAX_LINES
    around = "The band holds 5% to 95% of the runs" if many else "A thin line is one seed"
    heading("How they learn", f"{around}; the bold line is the median at each epoch.")
    if epochs.empty:
        st.html(div("", "No run that counts has completed an epoch."))
        return
    with st.container(horizontal=True):
        measure = _switch("measure", ["test_accuracy", "test_loss", "train_loss"], case, names=charts.MEASURES)
        clock = _switch("over", ["epoch", "seconds"], case, names=charts.CLOCKS)
    _chart(charts.learning(epochs, look, measure=measure, clock=clock), f"learning-{name_of(case)}")


def timing(case: Case, frames: StudyFrames, look: Mapping[str, Look]) -> None:
    """Step times and phases."""
    runs = counted(frames.runs, case, TIMED)
    heading("Where the time goes")
    if runs.empty:
        st.html(div("", "No run counts for timing."))
        return
    _steps(case, frames.blocks[frames.blocks["run_id"].isin(runs["run_id"])], runs, look)
    figure = timing_charts.phases(runs, look)
    _chart(figure, f"phases-{name_of(case)}")
    st.html(chips(timing_charts.phase_colours(figure)))
    st.html(
        div(
            "lf-soft",
            "Two clocks matter: the time to train is the phases marked * (build, warm-up, training); the total wall clock is all of them. "
            "Medians of phases need not add up to the median total, which is the vertical mark.",
        )
    )


def counted(runs: pd.DataFrame, case: Case, statuses: list[str]) -> pd.DataFrame:
    """The latest attempts in a case that ended with one of the statuses."""
    own = of_case(runs, case)
    return own[own["latest"] & own["status"].isin(statuses)]


def name_of(case: Case) -> str:
    """For the keys of what is drawn."""
    return f"{case.workload}-{case.workers}"


def _steps(case: Case, blocks: pd.DataFrame, runs: pd.DataFrame, look: Mapping[str, Look]) -> None:
    part = _switch("blocks", ["steady", "warm-up"], case)
    shown = blocks[blocks["steady"] == (part == "steady")]
    without = [side.name for side in look.values() if (runs["side"] == side.label).any() and not (shown["side"] == side.label).any()]
    if len(shown):
        _chart(timing_charts.step_times(shown, look), f"steps-{name_of(case)}")
    many = len(shown) and runs.groupby("side")["run_id"].nunique().max() > timing_charts.MAX_BOXES
    pooled = "The blocks of all runs of a side together; the slowest 0.5% lie beyond the right edge." if many else ""
    said = [pooled or f"A point is {_block(part, runs)}."] if len(shown) else []
    st.html("".join(f'<div class="lf lf-soft">{text}</div>' for text in [*said, *(f"{name}: no {part} blocks." for name in without)]))


def _block(part: str, runs: pd.DataFrame) -> str:
    """What lies between two looks at the clock, which a framework that owns the loop lets the core take once an epoch."""
    if all(track in TRACKS and TRACKS[track].granularity is Granularity.EPOCH for track in runs["track"].unique()):
        return f"one {part} epoch, the time of a step its mean over the epoch"
    return f"one {part} block of steps between two looks at the clock"


def _switch(name: str, options: list[str], case: Case, names: Mapping[str, str] | None = None) -> str:
    def label(option: str) -> str:
        return (names or {}).get(option, option).partition(" (")[0]

    key = f"{name}-{name_of(case)}"
    return st.segmented_control(name, options, default=options[0], required=True, format_func=label, key=key, label_visibility="collapsed")


def _chart(figure: go.Figure, key: str) -> None:
    st.plotly_chart(figure, config=charts.CONFIG, key=key, alt=figure.layout.title.text)
