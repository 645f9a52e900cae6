"""How networks learn."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield import workloads
from levelfield.charts.style import GREY, Look, base, faded
from levelfield.report.costs import costs
from levelfield.report.formats import percent
from levelfield.stats.effect import half_width

MEASURES = {"test_accuracy": "test accuracy", "test_loss": "test loss", "train_loss": "training loss"}
CLOCKS = {"epoch": "epochs", "steps": "training steps", "seconds": "seconds in training steps", "cost": "cost (by the study's prices)"}
MAX_LINES = 40  # runs of a side that are drawn one by one; of more, the band alone
MAX_EPOCHS = 250
LEVEL = 0.95


def points(epochs: pd.DataFrame, runs: pd.DataFrame, steps: pd.DataFrame, study: Mapping[str, Any]) -> pd.DataFrame:
    """A row for each epoch of these runs, with every measure and every clock at its end; a clock that nobody kept is NaN.

    ``epochs``, ``steps`` and ``runs`` are those of `levelfield.store.frames.StudyFrames`, ``runs`` those that are drawn.

    The cost at a moment is the run's cost times the share of its wall clock that its training had taken by then.
    """
    data = epochs[epochs["run_id"].isin(runs["run_id"])].sort_values(["run_id", "epoch"])
    own = runs.set_index("run_id")
    seconds = data.groupby("run_id")["train_s"].cumsum()
    rate = (costs(own, study).reindex(own.index).astype("float64") / own["wall_s"]).reindex(data["run_id"]).to_numpy()
    each = steps.set_index("run_id")["first_epoch_steps"].reindex(data["run_id"]).to_numpy(dtype="float64")
    found = data[["run_id", "side", "seed", *MEASURES]].assign(
        epoch=data["epoch"] + 1, steps=(data["epoch"] + 1) * each, seconds=seconds, cost=seconds * rate
    )
    kept = _every(int(data["epoch"].max()) + 1) if len(data) else []
    return found[found["epoch"].isin([epoch + 1 for epoch in kept])].reset_index(drop=True)


def target_of(workload: str) -> float | None:
    """The accuracy that a workload is trained to; None for one that this installation does not have."""
    found = workloads.find(workload)
    return found.target_accuracy if found else None


def learning(data: pd.DataFrame, look: Mapping[str, Look], *, measure: str, clock: str, target: float | None = None) -> go.Figure:
    """A measure over a clock: a thin line for each run, bold their mean at each epoch, with its 95% t interval as a band."""
    name = MEASURES[measure]
    figure = base(f"{name.capitalize()} by {CLOCKS[clock].partition(' (')[0]}", x=CLOCKS[clock], y=name, height=430)
    if measure == "test_accuracy":
        figure.update_yaxes(tickformat=".4~p")
    if target is not None:
        figure.add_hline(y=target, line={"color": GREY, "width": 1.5, "dash": "dot"})
        text = f"target {percent(target, 1)}"
        figure.add_annotation(x=0, xref="paper", xanchor="left", y=target, yanchor="bottom", text=text, showarrow=False, font_color=GREY)
    for side in look.values():
        if len(own := data[data["side"] == side.label]):
            figure.add_traces(_curves(own, side, measure, clock))
    return figure


def _every(epochs: int) -> list[int]:
    """The epochs to draw: all of them, or evenly spread ones and the last."""
    return sorted({*range(0, epochs, -(-epochs // MAX_EPOCHS)), epochs - 1})


def _curves(own: pd.DataFrame, side: Look, measure: str, clock: str) -> list[go.Scatter]:
    mean = _means(own, measure, clock)
    runs = own["run_id"].nunique()
    thin = [_thin(own, side, measure, clock)] if 1 < runs <= MAX_LINES else []
    bold = go.Scatter(
        x=mean[clock],
        y=mean["mean"],
        mode="lines+markers" if len(mean) == 1 else "lines",
        name=f"{side.name}, mean of {runs}" if runs > 1 else side.name,
        line={"color": side.colour, "width": 3.2, "dash": side.dash},
        hovertemplate=f"{side.name}, mean<br>%{{x:.4~g}} {clock}: %{{y:.4~g}}<extra></extra>",
    )
    return [*_band(mean, side, clock), *thin, bold]


def _means(own: pd.DataFrame, measure: str, clock: str) -> pd.DataFrame:
    """By epoch: the clock's mean, the measure's mean and the ends of its interval; NaN ends where one run is left."""
    groups = own.groupby("epoch")
    found = pd.DataFrame(groups[measure].agg(mean="mean", sd="std", n="count"))
    half = [half_width(int(n), float(sd), LEVEL) if n > 1 else np.nan for n, sd in zip(found["n"], found["sd"], strict=True)]
    found["low"], found["high"] = found["mean"] - half, found["mean"] + half
    found[clock] = found.index if clock == "epoch" else groups[clock].mean()
    return found


def _band(mean: pd.DataFrame, side: Look, clock: str) -> list[go.Scatter]:
    known = mean.dropna(subset=["low"])
    if known.empty:
        return []
    style = {"mode": "lines", "line": {"color": side.colour, "width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        go.Scatter(x=known[clock], y=known["low"], **style),
        go.Scatter(x=known[clock], y=known["high"], fill="tonexty", fillcolor=faded(side.colour), **style),
    ]


def _thin(own: pd.DataFrame, side: Look, measure: str, clock: str) -> go.Scatter:
    """All runs of a side as one trace; a gap ends each."""
    gap = pd.DataFrame({"run_id": own["run_id"].unique(), "epoch": np.inf})
    columns = list(dict.fromkeys(["run_id", "epoch", "seed", clock, measure]))
    lines = pd.concat([own[columns], gap]).sort_values(["run_id", "epoch"]).replace({np.inf: np.nan})
    return go.Scatter(
        x=lines[clock],
        y=lines[measure],
        customdata=lines["seed"],
        mode="lines",
        showlegend=False,
        line={"color": side.colour, "width": 1},
        opacity=0.38,
        hovertemplate=f"{side.name}, seed %{{customdata}}<br>%{{x:.4~g}} {clock}: %{{y:.4~g}}<extra></extra>",
    )
