"""Duels as Plotly figures: pure functions of a study's bursts. What is sent to the browser is bounded."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.report.model import Comparison

MAX_POINTS = 4000  # beyond it only the medians are drawn
MAX_TICKS = 60
MEDIAN = "#259c8d"  # no side's, and seen on light and dark ground


def rounds(bursts: pd.DataFrame, comparison: Comparison, margin: float, look: Mapping[str, Look]) -> go.Figure | None:
    """The ratio A / B within every round, a column for each pair, with the pair's median, over the band that counts as equivalent.

    ``bursts`` are those of the duels of one workload that count. None where the two sides have no round in common.
    """
    a, b = look[comparison.a.label], look[comparison.b.label]
    found = ratios(bursts, comparison)
    if found.empty:
        return None
    title = f"Bursts: {a.name} / {b.name} within each round, by pair"
    figure = base(title, x="seed of the pair", y="ratio (log scale; 1 = equal)", height=340)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(type="log", tickformat=".3~g")
    figure.update_xaxes(type="category", nticks=MAX_TICKS)
    figure.add_hrect(y0=1 / (1 + margin), y1=1 + margin, fillcolor=GREY, opacity=0.22, line_width=0)
    figure.add_hline(y=1, line={"color": GREY, "width": 1})
    if len(found) <= MAX_POINTS:
        figure.add_trace(_points(found))
    figure.add_trace(_medians(found))
    return figure


def ratios(bursts: pd.DataFrame, comparison: Comparison) -> pd.DataFrame:
    """A row for each round that both sides took part in: seed, round, ratio A / B of their examples/s."""
    rate = bursts.assign(rate=bursts["samples"] / bursts["duration_s"]).pivot_table("rate", ["seed", "round"], "side", aggfunc="last")
    a, b = comparison.a.label, comparison.b.label
    if not {a, b} <= set(rate.columns):
        return pd.DataFrame(columns=["seed", "round", "ratio"])
    return (rate[a] / rate[b]).dropna().rename("ratio").reset_index()


def _points(found: pd.DataFrame) -> go.Box:
    style = {"marker": {"color": GREY, "size": 4, "opacity": 0.6}, "line": {"width": 0}, "fillcolor": "rgba(0,0,0,0)"}
    seeds = found["seed"].astype(str)
    return go.Box(x=seeds, y=found["ratio"].round(5), boxpoints="all", jitter=0.7, pointpos=0, name="a round", hoverinfo="y", **style)


def _medians(found: pd.DataFrame) -> go.Scatter:
    """As the verdict takes them: the median of the logarithms."""
    shown = np.exp(np.log(found["ratio"]).groupby(found["seed"]).median())
    mark = {"symbol": "line-ew", "size": 22, "line": {"width": 3, "color": MEDIAN}}
    return go.Scatter(x=[str(seed) for seed in shown.index], y=shown, mode="markers", marker=mark, name="median of the pair")
