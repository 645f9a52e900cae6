"""Where the time goes, as Plotly figures: pure functions of a study's frames. What is sent to the browser is bounded."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base, faded
from levelfield.result import PHASES

MAX_BOXES = 24  # runs of a side that get a box of their own; more of them are pooled
MAX_POINTS = 6000
BINS = 80
QUANTILES = {"lowerfence": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "upperfence": 0.95}
# Grey is what surrounds training; teal is what the time to train counts.
PHASE_STYLES = {
    "process_start": ("process start", "#6b7280", ""),
    "import": ("import", "#9aa1ab", ""),
    "data": ("data", "#6b7280", "/"),
    "device": ("device", "#c3c8cf", ""),
    "join": ("joining a gang", "#9aa1ab", "."),
    "build": ("build*", "#0b5f58", ""),
    "warmup": ("warm-up*", "#7cc9bd", ""),
    "train": ("training*", "#259c8d", ""),
    "evaluate": ("evaluation", "#9aa1ab", "x"),
    "checkpoint": ("checkpoints", "#6b7280", "x"),
    "other": ("other", "#c3c8cf", "\\"),
}


def step_times(blocks: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """Milliseconds per step of every block: a box for each run, or one distribution for each side where there are many runs."""
    data = blocks.assign(ms=blocks["step_s"] * 1e3)
    most = data.groupby("side")["run_id"].nunique().max() if len(data) else 0
    return _pooled(data, look) if most > MAX_BOXES else _boxes(data, look)


def phases(runs: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """The median duration of each phase by side, stacked, with the median total wall clock as a mark."""
    sides = [side for side in look.values() if (runs["side"] == side.label).any()]
    median = runs.groupby("side")[[f"phase_{name}_s" for name in PHASES] + ["wall_s"]].median()
    figure = base("Phases of a run, medians", x="seconds", height=110 + 58 * len(sides))
    figure.update_layout(barmode="stack", showlegend=False, margin={"t": 44})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    walls = [float(median.loc[side.label, "wall_s"]) for side in sides]
    for phase in PHASES:
        seconds = [float(median.loc[side.label, f"phase_{phase}_s"]) for side in sides]
        if np.nansum(seconds) > 0:
            figure.add_trace(_segment(phase, sides, seconds, walls))
    figure.add_trace(_totals(sides, walls))
    return figure


def phase_colours(figure: go.Figure) -> dict[str, str]:
    """The legend of what `phases` has drawn, as CSS backgrounds by name; a patterned phase is striped."""
    stripes, drawn = "repeating-linear-gradient(45deg, {0} 0 2px, #ffffff 2px 4px)", {trace.name for trace in figure.data}
    return {name: stripes.format(colour) if shape else colour for name, colour, shape in PHASE_STYLES.values() if name in drawn}


def _boxes(data: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    figure = base("Time of a training step, by run", x="seed", y="milliseconds per step")
    figure.update_layout(boxmode="group", boxgap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=[str(seed) for seed in sorted(data["seed"].unique())])
    points = "all" if len(data) <= MAX_POINTS else False
    for side in look.values():
        if len(own := data[data["side"] == side.label]):
            figure.add_trace(_box(own, side, points))
    figure.update_yaxes(**_scale(data["ms"]))
    return figure


def _box(own: pd.DataFrame, side: Look, points: object) -> go.Box:
    style = {"name": side.name, "marker": {"color": side.colour, "size": 3, "opacity": 0.45}, "line": {"width": 1.5}}
    if points:
        return go.Box(x=own["seed"].astype(str), y=own["ms"].round(4), boxpoints="all", jitter=0.6, pointpos=0, **style)
    by_seed = own.groupby("seed")["ms"]
    parts = {name: by_seed.quantile(share).to_numpy() for name, share in QUANTILES.items()}
    return go.Box(x=[str(seed) for seed in by_seed.groups], **parts, **style)


def _pooled(data: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    figure = base("Time of a training step, all runs", x="milliseconds per step", y="share of the blocks")
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    edges = np.linspace(float(data["ms"].min()), float(data["ms"].quantile(0.995)), BINS + 1)
    for side in look.values():
        if len(own := data.loc[data["side"] == side.label, "ms"]):
            share = np.histogram(own, edges)[0] / len(own)
            line = {"color": side.colour, "width": 2, "shape": "hvh", "dash": side.dash}
            fill = {"fill": "tozeroy", "fillcolor": faded(side.colour)}
            figure.add_trace(go.Scatter(x=(edges[1:] + edges[:-1]) / 2, y=share, mode="lines", line=line, name=side.name, **fill))
    return figure


def _scale(ms: pd.Series) -> dict[str, object]:
    """From zero, unless a few blocks are so slow that the others could not be told apart: then on a log scale."""
    if float(ms.max()) <= 4 * float(ms.median()):
        return {"rangemode": "tozero"}
    ticks = [step * 10**power for power in range(-4, 6) for step in (1, 2, 5)]
    return {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:,g}" for tick in ticks], "title": "milliseconds per step (log scale)"}


def _segment(phase: str, sides: list[Look], seconds: list[float], walls: list[float]) -> go.Bar:
    title, colour, shape = PHASE_STYLES[phase]
    widest = max(walls)
    return go.Bar(
        x=seconds,
        y=[side.name for side in sides],
        orientation="h",
        name=title,
        marker={"color": colour, "pattern": {"shape": shape, "fillmode": "overlay", "fgcolor": "#ffffff", "fgopacity": 0.45, "size": 6}},
        text=[f"{value:.3g} s" if value > 0.09 * widest else "" for value in seconds],
        textposition="inside",
        insidetextanchor="middle",
        textangle=0,
        hovertemplate=f"%{{y}}, {title.rstrip('*')}: %{{x:.3g}} s<extra></extra>",
    )


def _totals(sides: list[Look], walls: list[float]) -> go.Scatter:
    return go.Scatter(
        x=walls,
        y=[side.name for side in sides],
        mode="markers",
        name="total wall clock",
        marker={"symbol": "line-ns", "size": 34, "line": {"width": 3, "color": GREY}},
        hovertemplate="%{y}, total wall clock: %{x:.3g} s<extra></extra>",
    )
