"""A quantity over time or over versions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.report.formats import MIB
from levelfield.report.history import Change, Point
from levelfield.report.quantities import SPEED, Quantity

MOST = 2000  # points that are drawn, the newest
DAY = timedelta(days=1)
MARKS = 16  # changes of a version that are marked, the newest
CLOCKS = {"time": "time", "version": "version"}
COLUMNS = ("study", "begun", "side", "mode", "middle", "low", "high", "n", "versions", "levelfield", "stale")


def history(
    points: Sequence[Point],
    changes: Sequence[Change],
    look: Mapping[str, Look],
    *,
    quantity: Quantity,
    clock: str,
    titles: Mapping[str, str],
) -> go.Figure:
    """A point for each study and side with its range, over the time at which the study began or over the versions that it used.

    A hollow mark is a stale result; a vertical line, over time, the first study with another version (see `marks`). ``look`` is by side,
    ``titles`` by framework and for "levelfield".
    """
    name = "speed ratio" if quantity is SPEED else quantity.label
    figure = base(f"{name[0].upper()}{name[1:]} over {CLOCKS[clock]}", x=_axis(clock), y=_unit(quantity, name), height=470)
    figure.update_layout(margin_t=64 + 20 * len(look), legend_y=1.05)  # in a narrow window each name has a line of its own
    if quantity.unit == "share":
        figure.update_yaxes(tickformat=".4~p")
    if quantity is SPEED:
        figure.update_yaxes(type="log", tickformat=".3~g")
        figure.add_hline(y=1, line={"color": GREY, "width": 1})
    for label, side in look.items():
        if own := [point for point in points if point.side == label][-MOST:]:
            figure.add_trace(_trace(own, side, quantity, clock, titles))
    if clock == "time":
        if (times := [point.at for point in points]) and max(times) - min(times) < 2 * DAY:
            figure.update_xaxes(range=[min(times) - DAY, max(times) + DAY])  # else the axis would be one of milliseconds
        _mark(figure, marks(changes, titles))
    else:
        figure.update_xaxes(type="category")
    return figure


def marks(changes: Sequence[Change], titles: Mapping[str, str]) -> list[tuple[datetime, str]]:
    """What `history` marks over time, in this order: when studies began that were the first with other versions, and which."""
    found: dict[datetime, list[str]] = {}
    for change in changes:
        found.setdefault(change.at, []).append(f"{titles.get(change.what, change.what)} {change.after}")
    return [(at, ", ".join(names)) for at, names in found.items()][-MARKS:]


def data(points: Sequence[Point]) -> pd.DataFrame:
    """What `history` shows, in base units: a row for each point."""
    rows = [
        (
            *(point.study_id, point.at, point.name, point.mode, point.middle, point.low, point.high, point.n),
            *(_versions(point, {}), point.levelfield, "; ".join(point.stale)),
        )
        for point in points
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _axis(clock: str) -> str:
    return "begin of the study (UTC)" if clock == "time" else "versions, in the order of their first study"


def _unit(quantity: Quantity, name: str) -> str:
    unit = {"bytes": "MiB", "share": "", "money": ""}.get(quantity.unit, quantity.unit)
    return "ratio (log scale; 1 = equal)" if quantity is SPEED else f"{name}, {unit}".rstrip(", ")


def _trace(own: Sequence[Point], side: Look, quantity: Quantity, clock: str, titles: Mapping[str, str]) -> go.Scatter:
    scale = MIB if quantity.unit == "bytes" else 1
    middle = [point.middle / scale for point in own]
    return go.Scatter(
        x=[point.at if clock == "time" else _versions(point, titles) for point in own],
        y=middle,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [point.high / scale - at for point, at in zip(own, middle, strict=True)],
            "arrayminus": [at - point.low / scale for point, at in zip(own, middle, strict=True)],
            "color": side.colour,
            "thickness": 1.2,
            "width": 4,
        },
        mode="lines+markers" if clock == "time" else "markers",
        name=side.name,
        line={"color": side.colour, "width": 1.2, "dash": side.dash},
        marker={
            "color": side.colour,
            "size": 10,
            "symbol": [f"{side.symbol}-open" if point.stale else side.symbol for point in own],
            "line": {"width": 2, "color": side.colour},
        },
        customdata=[_told(point, titles) for point in own],
        hovertemplate="%{customdata}<br>%{y:.5~g}<extra></extra>",
    )


def _told(point: Point, titles: Mapping[str, str]) -> str:
    lines = [
        f"<b>{escape(point.title)}</b> ({escape(point.study_id)})",
        f"{escape(point.name)}, {escape(point.mode)}, n = {point.n}",
        f"{_versions(point, titles)}; Levelfield {escape(point.levelfield)}",
        *(f"stale: {escape(why)}" for why in point.stale),
    ]
    return "<br>".join(lines)


def _versions(point: Point, titles: Mapping[str, str]) -> str:
    parts = (f"{titles.get(name, name)} {', '.join(versions) or 'unknown'}" for name, versions in point.versions.items())
    return escape(" / ".join(parts))


def _mark(figure: go.Figure, marked: Sequence[tuple[datetime, str]]) -> None:
    """A numbered line for each; what it stands for is too long for a narrow window."""
    for number, (at, what) in enumerate(marked, start=1):
        figure.add_vline(x=at, line={"color": GREY, "width": 1, "dash": "dot"})
        place = {"x": at, "y": 1, "yref": "paper", "xanchor": "center", "yanchor": "bottom"}
        figure.add_annotation(**place, text=str(number), hovertext=escape(what), showarrow=False, font={"color": GREY, "size": 11})
