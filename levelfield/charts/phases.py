"""Where the time of a run goes: its phases, stacked to the wall clock."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.result import PHASES

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


def phases(runs: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """The median duration of each phase by side, stacked, with the median total wall clock as a mark."""
    sides = [side for side in look.values() if (runs["side"] == side.label).any()]
    median = runs.groupby("side")[[f"phase_{name}_s" for name in PHASES] + ["wall_s"]].median()
    figure = base("Phases of a run, medians", x="seconds", height=110 + 58 * len(sides))
    figure.update_layout(barmode="stack", showlegend=False, margin={"t": 44})
    figure.update_yaxes(autorange="reversed", showgrid=False)
    walls = median["wall_s"].reindex([side.label for side in sides]).tolist()
    for phase in PHASES:
        seconds = median[f"phase_{phase}_s"].reindex([side.label for side in sides]).tolist()
        if np.nansum(seconds) > 0:
            figure.add_trace(_segment(phase, sides, seconds, walls))
    figure.add_trace(_totals(sides, walls))
    return figure


def phase_colours(figure: go.Figure) -> dict[str, str]:
    """The legend of what `phases` has drawn, as CSS backgrounds by name; a patterned phase is striped."""
    stripes, drawn = "repeating-linear-gradient(45deg, {0} 0 2px, #ffffff 2px 4px)", {trace.name for trace in figure.data}
    return {name: stripes.format(colour) if shape else colour for name, colour, shape in PHASE_STYLES.values() if name in drawn}


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
