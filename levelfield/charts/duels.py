"""Duels as Plotly figures: pure functions of a study's bursts. What is sent to the browser is bounded."""

import math
from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.report.model import Comparison
from levelfield.stats import within_pair

MAX_POINTS = 4000  # beyond it only the medians are drawn
MAX_TICKS = 60
MEDIAN = "#259c8d"  # no side's, and seen on light and dark ground


def rounds(bursts: pd.DataFrame, comparison: Comparison, margin: float, look: Mapping[str, Look]) -> go.Figure | None:
    """The ratio A / B within every round, a column for each pair, with the pair's median, over the band that counts as equivalent.

    ``bursts`` are those of the duels of one workload that count. None where the two sides have no round in common.
    """
    a, b = look[comparison.a.label], look[comparison.b.label]
    rate = bursts.assign(rate=bursts["samples"] / bursts["duration_s"]).pivot_table("rate", ["seed", "round"], "side", aggfunc="last")
    if not {a.label, b.label} <= set(rate.columns):
        return None
    ratios = (rate[a.label] / rate[b.label]).dropna()
    if ratios.empty:
        return None
    title = f"Bursts: {a.name} / {b.name} within each round, by pair"
    figure = base(title, x="seed of the pair", y="ratio (log scale; 1 = equal)", height=340)
    figure.update_layout(showlegend=False)
    figure.update_yaxes(type="log", tickformat=".3~g")
    figure.update_xaxes(type="category", nticks=MAX_TICKS)
    figure.add_hrect(y0=1 / (1 + margin), y1=1 + margin, fillcolor=GREY, opacity=0.22, line_width=0)
    figure.add_hline(y=1, line={"color": GREY, "width": 1})
    if len(ratios) <= MAX_POINTS:
        figure.add_trace(_points(ratios))
    figure.add_trace(_medians(rate[a.label], rate[b.label]))
    return figure


def _points(ratios: "pd.Series[float]") -> go.Box:
    seeds = [str(seed) for seed, _ in ratios.index]
    style = {"marker": {"color": GREY, "size": 4, "opacity": 0.6}, "line": {"width": 0}, "fillcolor": "rgba(0,0,0,0)"}
    return go.Box(x=seeds, y=ratios.round(5), boxpoints="all", jitter=0.7, pointpos=0, name="a round", hoverinfo="y", **style)


def _medians(a: "pd.Series[float]", b: "pd.Series[float]") -> go.Scatter:
    """As the verdict takes them: the median of the logarithms."""
    seeds = list(dict.fromkeys(seed for seed, _ in a.index))
    logs = {seed: within_pair(a[seed].dropna().to_dict(), b[seed].dropna().to_dict()) for seed in seeds}
    shown = {str(seed): math.exp(log) for seed, log in logs.items() if log is not None}
    mark = {"symbol": "line-ew", "size": 22, "line": {"width": 3, "color": MEDIAN}}
    return go.Scatter(x=list(shown), y=list(shown.values()), mode="markers", marker=mark, name="median of the pair")
