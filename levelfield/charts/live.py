"""How the runs of a study learn while it is under way: those that are at work, over those that have just ended."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.learning import MEASURES
from levelfield.charts.style import Look, base
from levelfield.spec import Case
from levelfield.store.rows import AnyRow

NAMED = ("workload", "workers", "side", "seed", "attempt")
COLUMNS = [*NAMED, "at_work", "epoch", *MEASURES]
POINT = ("epoch", "train_loss", "test_loss", "test_accuracy")  # what a point of a curve at work is (orchestrator.board)


def at_work(entries: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """A row for each epoch, counted from 1, that is told of the runs in a request's progress."""
    rows = [
        {name: entry[name] for name in NAMED} | {"at_work": True} | dict(zip(POINT, map(float, point), strict=True))
        for entry in entries
        if entry["what"] == "run"
        for point in entry["curve"]
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def ended(found: Sequence[AnyRow]) -> pd.DataFrame:
    """The same of runs that have ended: rows of `levelfield.store.watching.latest_curves`."""
    rows = [
        {name: getattr(row, name) for name in (*NAMED, "train_loss", "test_loss")}
        | {"at_work": False, "epoch": row.epoch + 1, "test_accuracy": row.test_correct / row.test_examples}
        for row in found
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def cases(entries: Iterable[Mapping[str, Any]]) -> list[Case]:
    """What runs are at work on."""
    return list(dict.fromkeys(Case(workload=one["workload"], workers=one["workers"]) for one in entries if one["what"] == "run"))


def growing(data: pd.DataFrame, looks: Mapping[str, Look], *, measure: str, epochs: int | None, title: str) -> go.Figure:
    """Bold lines grow, thin ones are of runs that have ended; ``data`` as `at_work` and `ended` give it, of one case.

    ``epochs``: how many there will be, so that the axis stays as it is.
    """
    figure = base(title, x="epochs", y=MEASURES[measure], height=330)
    figure.update_layout(uirevision=title)  # who has zoomed in stays there while the curves grow
    if epochs:
        figure.update_xaxes(range=[0, 1.03 * epochs])
    if measure == "test_accuracy":
        figure.update_yaxes(tickformat=".4~p")
    for is_at_work, line in ((False, _ended), (True, _growing)):  # those at work over the others
        for side in looks.values():
            own = data[(data["side"] == side.label) & (data["at_work"] == is_at_work)]
            figure.add_traces(line(own, side, measure))
    named: set[str] = set()
    for trace in figure.data[::-1]:
        trace.showlegend = trace.legendgroup not in named
        named.add(trace.legendgroup)
    return figure


def _growing(own: pd.DataFrame, side: Look, measure: str) -> list[go.Scatter]:
    return [_grown(run, side, measure) for _, run in own.groupby(["seed", "attempt"])]


def _grown(run: pd.DataFrame, side: Look, measure: str) -> go.Scatter:
    """A run that is at work. The end of what grows is marked: of one epoch there is no line yet."""
    marker = {"symbol": side.symbol, "size": [0] * (len(run) - 1) + [9], "color": side.colour}
    return _scatter(run, side, measure, mode="lines+markers", marker=marker, line={"width": 2.8})


def _ended(own: pd.DataFrame, side: Look, measure: str) -> list[go.Scatter]:
    """All of a side as one trace, which is drawn in a tenth of the time; a gap ends each."""
    if own.empty:
        return []
    gap = own[["seed", "attempt"]].drop_duplicates().assign(epoch=np.inf)
    lines = pd.concat([own, gap]).sort_values(["seed", "attempt", "epoch"]).replace({np.inf: np.nan})
    return [_scatter(lines, side, measure, mode="lines", opacity=0.4, line={"width": 1})]


def _scatter(run: pd.DataFrame, side: Look, measure: str, *, line: dict[str, Any], **options: Any) -> go.Scatter:
    return go.Scatter(
        x=run["epoch"].to_numpy(),
        y=run[measure].to_numpy(),
        customdata=run["seed"].to_numpy(),
        name=side.name,
        legendgroup=side.label,
        line={"color": side.colour, "dash": side.dash} | line,
        hovertemplate=f"{side.name}, seed %{{customdata}}<br>epoch %{{x}}: %{{y:.4~g}}<extra></extra>",
        **options,
    )
