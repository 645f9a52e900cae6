"""How long a training step takes: every block of a few runs, or the distribution over many. What is sent to the browser is bounded."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from levelfield.charts.style import TICKS, Look, base

MAX_BOXES = 24  # runs of a side that get a box of their own
MAX_POINTS = 6000
MAX_STEPS = 400  # points of a distribution's line
BOX = {"lowerfence": 5, "q1": 25, "median": 50, "q3": 75, "upperfence": 95}  # percentiles
MILLISECONDS = "milliseconds per step"


def by_run(blocks: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """Milliseconds per step of every block, a box for each run. ``blocks`` as of `levelfield.store.frames.StudyFrames`."""
    data = blocks.assign(ms=blocks["step_s"] * 1e3)
    figure = _boxes(data["seed"])
    for side in look.values():
        if len(own := data[data["side"] == side.label]):
            x, y = own["seed"].astype(str), own["ms"].round(4)
            figure.add_trace(go.Box(x=x, y=y, boxpoints="all", jitter=0.6, pointpos=0, **_style(side)))
    figure.update_yaxes(**_scale(data["ms"].to_numpy()))
    return figure


def boxes(steps: pd.DataFrame, look: Mapping[str, Look], *, column: str) -> go.Figure:
    """The same of runs with too many blocks to draw: from the percentiles in ``column`` of the study's ``steps``."""
    figure = _boxes(steps["seed"])
    for side in look.values():
        if len(own := steps[steps["side"] == side.label]):
            found = np.stack(own[column].tolist()) * 1e3
            parts = {name: found[:, at] for name, at in BOX.items()}
            figure.add_trace(go.Box(x=own["seed"].astype(str), **parts, **_style(side)))
    figure.update_yaxes(**_scale(np.stack(steps[column].tolist())[:, BOX["upperfence"]] * 1e3))
    return figure


def distribution(steps: pd.DataFrame, look: Mapping[str, Look], *, column: str) -> go.Figure:
    """The empirical distribution of a step's time over a side's runs, each counting alike, from their percentiles in ``column``."""
    figure = base("Time of a training step, all runs", x=MILLISECONDS, y="share of the blocks that are at most so long", height=400)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.02])
    data, pooled = points(steps, column=column), []
    for side in look.values():
        own = data[data["side"] == side.label]
        if len(own):
            pooled.append(own["ms"].to_numpy())
            line = {"color": side.colour, "width": 2.4, "dash": side.dash}
            hover = f"{side.name}<br>%{{y:.1%}} of the blocks take at most %{{x:.4~g}} ms<extra></extra>"
            figure.add_trace(go.Scatter(x=own["ms"], y=own["share"], mode="lines", line=line, name=side.name, hovertemplate=hover))
    if pooled:
        figure.update_xaxes(**_reach(np.concatenate(pooled)))
    return figure


def points(steps: pd.DataFrame, *, column: str) -> pd.DataFrame:
    """What `distribution` draws: by side the share of blocks that take at most so many ms, at `MAX_STEPS` moments at most."""
    found = []
    for side, own in steps.groupby("side", sort=False):
        values = np.sort(np.concatenate([run[1:] for run in own[column]])) * 1e3  # the minimum of a run stands for no share of it
        share = np.arange(1, len(values) + 1) / len(values)
        kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_STEPS)).round().astype(int))
        found.append(pd.DataFrame({"side": side, "ms": values[kept], "share": share[kept]}))
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=["side", "ms", "share"])


def _boxes(seeds: "pd.Series[int]") -> go.Figure:
    figure = base("Time of a training step, by run", x="seed", y=MILLISECONDS)
    figure.update_layout(boxmode="group", boxgap=0.25)
    figure.update_xaxes(type="category", categoryorder="array", categoryarray=[str(seed) for seed in sorted(seeds.unique())])
    return figure


def _style(side: Look) -> dict[str, object]:
    return {"name": side.name, "marker": {"color": side.colour, "size": 3, "opacity": 0.45}, "line": {"width": 1.5}}


def _scale(ms: NDArray[np.float64]) -> dict[str, object]:
    """From zero, unless a few blocks are so slow that the others could not be told apart: then on a log scale."""
    if float(ms.max()) <= 4 * float(np.median(ms)):
        return {"rangemode": "tozero"}
    return {"type": "log", **TICKS, "title": f"{MILLISECONDS} (log scale)"}


def _reach(ms: NDArray[np.float64]) -> dict[str, object]:
    """The slowest in a thousand lie beyond the edge where they would squeeze all others."""
    low, high, most = (float(np.quantile(ms, share)) for share in (0.0, 0.99, 1.0))
    return {"range": [max(0.0, low - 0.05 * (high - low)), high + 0.08 * (high - low)]} if most > 2 * high else {}
