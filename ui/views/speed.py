"""Speed: the duels that the verdict rests on, the time of a step, the phases of a run, and when a slow start pays."""

import pandas as pd
import streamlit as st

from levelfield.charts import batches, duels, phases, starts, steps
from levelfield.charts.basis import basis_of, per_side
from levelfield.report.break_even import told
from levelfield.report.counting import TIMED, counted, of_case
from levelfield.tracks import TRACKS, Granularity
from ui import look, visit
from ui.choosing import switch
from ui.drawing import chart
from ui.rates import COLUMNS, past_rates
from ui.sections import heading
from ui.visit import Shown

TWO_CLOCKS = (
    "Two clocks matter: the time to train is the phases marked * (build, warm-up, training); the total wall clock is all of them. "
    "Medians of phases need not add up to the median total, which is the vertical mark."
)
KINDS = {"steady": "steady", "warm": "warm-up"}
VIEWS = {"runs": "run by run", "all": "all runs"}
MAX_ROWS = 20_000  # blocks that are read to be exported; of more, the percentiles


def main() -> None:
    """The page."""
    shown = visit.case()
    runs = counted(shown.opened.frames.runs, shown.workload.case, TIMED)
    _duels(shown)
    heading("How long a step takes")
    if runs.empty:
        st.html(look.div("", "No run counts for timing."))
    else:
        _steps(shown, runs)
        heading("Where the time goes")
        _phases(shown, runs)
        heading("When a slow start pays")
        _starts(shown, runs)
    heading("Throughput by batch size")
    _batches(shown)


def _duels(shown: Shown) -> None:
    """Every round of every duel that counts."""
    bursts = of_case(shown.opened.frames.bursts, shown.workload.case)
    bursts = bursts[bursts["status"].isin(TIMED)]
    if bursts.empty:
        return
    heading(
        "How they duelled", "A point is a round, in which both sides took a turn; the bar is the pair's median, the unit of the verdict."
    )
    for at, comparison in enumerate(shown.workload.comparisons):
        if figure := duels.rounds(bursts, comparison, shown.analysis.margin, shown.sides):
            found = duels.ratios(bursts, comparison)
            n = f"{len(found):,} rounds in {found['seed'].nunique()} pairs"
            chart(figure, f"duels-{shown.key}-{at}", found, basis=basis_of(n, shown.workload, shown.analysis, interval=""))


def _steps(shown: Shown, runs: pd.DataFrame) -> None:
    frames = shown.opened.frames
    with st.container(horizontal=True):
        kind, view = switch("blocks", KINDS), switch("view", VIEWS)
    column, number = f"{kind}_step_s", {"steady": "steady_blocks", "warm": "warm_blocks"}[kind]
    found = frames.steps[frames.steps["run_id"].isin(runs["run_id"])]
    found = found.assign(warm_blocks=found["blocks"] - found["steady_blocks"])
    found = found[found[number] > 0]
    for side in shown.sides.values():
        if (runs["side"] == side.label).any() and not (found["side"] == side.label).any():
            st.html(look.div("lf-soft", f"{side.label}: no {KINDS[kind]} blocks."))
    if found.empty:
        return
    blocks = int(found[number].sum())
    few = found.groupby("side")["run_id"].nunique().max() <= steps.MAX_BOXES
    if view == "all" or not few:
        figure, data = steps.distribution(found, shown.sides, column=column), steps.points(found, column=column)
        note = "Each run counts alike, by its percentiles."
    elif blocks <= steps.MAX_POINTS:
        data = frames.blocks(found["run_id"].tolist())
        data = data[data["steady"] == (kind == "steady")]
        figure, note = steps.by_run(data, shown.sides), f"A point is {_block(KINDS[kind], runs)}."
    else:
        figure, data = steps.boxes(found, shown.sides, column=column), found.drop(columns=["steady_step_s", "warm_step_s"])
        note = "Box: quartiles; whiskers: 5% and 95% of the blocks of a run."
    n = f"{blocks:,} blocks, {per_side(found, shown.sides, 'run_id', 'run')}"
    chart(figure, f"steps-{shown.key}", data, basis=basis_of(n, shown.workload, shown.analysis, interval=""), note=note)


def _block(part: str, runs: pd.DataFrame) -> str:
    """What lies between two looks at the clock, which a framework that owns the loop lets the core take once an epoch."""
    if all(track in TRACKS and TRACKS[track].granularity is Granularity.EPOCH for track in runs["track"].unique()):
        return f"one {part} epoch, the time of a step its mean over the epoch"
    return f"one {part} block of steps between two looks at the clock"


def _phases(shown: Shown, runs: pd.DataFrame) -> None:
    figure = phases.phases(runs, shown.sides)
    columns = ["run_id", "side", "seed", *(name for name in runs if name.startswith("phase_")), "wall_s"]
    basis = basis_of(per_side(runs, shown.sides, "run_id", "run"), shown.workload, shown.analysis, interval="medians")
    chart(figure, f"phases-{shown.key}", runs[columns], basis=basis)
    st.html(look.chips(phases.phase_colours(figure)))
    st.html(look.div("lf-soft", TWO_CLOCKS))


def _starts(shown: Shown, runs: pd.DataFrame) -> None:
    frames = shown.opened.frames
    own = frames.steps[frames.steps["run_id"].isin(runs["run_id"])]
    examples, epochs = own["first_epoch_samples"].median(), own["epochs"].median()
    data = pd.DataFrame()
    if examples > 0:  # not where it is NaN
        data = starts.lines(shown.workload.sides, float(examples), starts.horizon(shown.workload.comparisons, float(epochs)))
    if data.empty:
        st.html(look.div("", "No side has enough steady steps to tell its start from its speed."))
        return
    basis = basis_of(per_side(runs, shown.sides, "run_id", "run"), shown.workload, shown.analysis, interval="straight lines from medians")
    chart(starts.starts(data, shown.workload.comparisons, shown.sides), f"starts-{shown.key}", data, basis=basis)
    for one in shown.workload.comparisons:
        line = one.break_even and told(one.break_even, (one.a.title, one.b.title))
        st.html(look.div("", line or "Neither side is known to be both faster and later: nothing has to pay."))


def _batches(shown: Shown) -> None:
    """Over all studies of the store: one study has one batch size."""
    url, shelf = visit.store()
    runs = of_case(shown.opened.frames.runs, shown.workload.case)
    newest = max(shelf.stamps.values())
    rates = [past_rates(url, newest, shown.workload.case, track=shown.analysis.track, device=device) for device in runs["device"].unique()]
    found = batches.data(pd.concat(rates) if rates else pd.DataFrame(columns=COLUMNS), shown.workload.sides)
    sizes = sorted(found["batch_size"].unique())
    if len(sizes) < 2:
        known = f"only runs with a batch of {sizes[0]:,}" if sizes else "no run"
        told = f"The store holds {known} of this workload, track and device. Studies with another `batch_size` add points."
        st.html(f'<div class="lf">{look.with_code(told)}</div>')
        return
    figure = batches.batches(found, shown.sides)
    basis = basis_of(per_side(found, shown.sides, "batch_size", "batch size"), shown.workload, shown.analysis, interval="medians, ranges")
    chart(figure, f"batches-{shown.key}", found, basis=basis, note="All studies of the store.")


main()
