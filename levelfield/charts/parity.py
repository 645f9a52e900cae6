"""A parity certificate as a map of layers against steps: how much of its tolerance each took."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, base, faded
from levelfield.parity.certificate import Certificate, Row
from levelfield.parity.experiment import Part
from levelfield.report.certified import LOSS

ALL_KINDS = "all"
KINDS = {ALL_KINDS: "all tensors", "output": "outputs and loss", "gradient": "gradients", "parameter": "parameters"}
SLUGS = {Part.OFF: "off", Part.ON: "on", Part.DRAWN: "drawn", Part.TIMED: "timed"}
COLUMNS = ["part", "in_fp64", "kind", "layer", "first_step", "last_step", "step", "tensor", "relative", "tolerance", "share", "within"]
# Powers of ten of the share at which the colours end. At 0 a tolerance is used up: there the scale breaks from blue to orange, told
# apart in all common forms of colour blindness, and both told from white and from Streamlit's dark ground.
LOW, HIGH = -3.0, 2.0
# Fainter and fuller of one blue, so that on light and on dark ground alike a little stays in the background.
WITHIN, BEYOND = (0.16, 0.34, 0.6, 1.0), ("#d9700f", "#a8330a")
BLUE = "#2b74b8"
TICKS = {-3: "≤0.001", -2: "0.01", -1: "0.1", 0: "1", 1: "10", 2: "≥100"}
LEGEND_STEPS = 100
# Pixels from the top to the bottom: the title; what the colours mean, the colours, their numbers; the axis of steps; the cells; the end.
TITLE, MEANING, STRIP, NUMBERS, STEPS, FOOT = 40, 20, 10, 30, 62, 12
MARK = "#ffffff"


def points(certificate: Certificate) -> pd.DataFrame:
    """A row for each cell that a certificate holds; none in one from before they were kept. Steps count from 1."""
    rows = [
        (
            str(strain.part),
            strain.exact,
            strain.kind,
            cell.layer or LOSS,
            cell.first + 1,
            min(cell.last + 1, certificate.steps),
            cell.step + 1,
            cell.tensor,
            cell.relative,
            cell.tolerance,
            cell.share,
            cell.within,
        )
        for strain in certificate.strains
        for cell in strain.cells()
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def parts(data: pd.DataFrame) -> dict[str, str]:
    """The parts that `points` holds, by a short name for each: those of the certificate's own precision first."""
    found = data[["part", "in_fp64"]].drop_duplicates().sort_values("in_fp64", kind="stable")
    return {
        f"{SLUGS[Part(part)]}{'-fp64' if exact else ''}": f"{part}, in fp64" if exact else part
        for part, exact in found.itertuples(index=False, name=None)
    }


def place(first: Row) -> str:
    """The short name of the part in which something was found."""
    return f"{SLUGS[first.part]}{'-fp64' if first.exact else ''}"


def of_part(data: pd.DataFrame, part: str, kind: str) -> pd.DataFrame:
    """The cells of one part, by its short name, and one kind: of each layer and column the one that took most of its tolerance."""
    names = {slug: str(name) for name, slug in SLUGS.items()}
    slug, _, exact = part.partition("-")
    found = data[(data["part"] == names[slug]) & (data["in_fp64"] == bool(exact))]
    if kind != ALL_KINDS:
        found = found[found["kind"].isin([kind, LOSS] if kind == "output" else [kind])]
    return _worst(found, found["layer"])


def layers_of(data: pd.DataFrame, column: str = "layer") -> list[str]:
    """All layers in the order of the network, and the loss behind them. Each kind of tensors has its layers in that order, but not all."""
    found: list[str] = []
    for _, own in data.groupby("kind", sort=False):
        at = 0
        for name in dict.fromkeys(own[column]):
            if name not in found:
                found.insert(at, name)
            at = found.index(name) + 1
    return [*(name for name in found if name != LOSS), *(name for name in found if name == LOSS)]


def groups(layers: Sequence[str]) -> dict[str, str]:
    """For each layer the block that it belongs to: that whose name its own begins with, else what comes before the first underscore.

    Only neighbours make a group; a layer that stands alone is its own.
    """
    parents = {layer for layer in layers if any(other.startswith(f"{layer}_") for other in layers)}
    keys = [(layer, _block(layer, parents)) for layer in layers]
    found: dict[str, str] = {}
    for key, run in groupby(keys, key=lambda one: one[1]):
        members = [layer for layer, _ in run]
        # A name that comes again further on would make one row of two places.
        name = members[0] if len(members) == 1 or key in found.values() else key
        found |= dict.fromkeys(members, name)
    return found


def grouped(data: pd.DataFrame, group_of: Mapping[str, str]) -> pd.DataFrame:
    """Of each group and column the cell that took most of its tolerance; the column ``row`` names the group."""
    return _worst(data, data["layer"].map(group_of))


def heat_map(data: pd.DataFrame, *, title: str, first: tuple[str, int] | None = None) -> go.Figure:
    """Rows are layers or groups of them (the column ``row``), from the input down; columns are steps; cells the share of the tolerance.

    A cell beyond its tolerance has a cross, the ``first`` of all, given as row and step, a frame. What the colours mean stands over it.
    """
    rows = list(dict.fromkeys(data["row"]))
    starts = sorted(data["first_step"].unique().tolist())
    inner = MEANING + STRIP + NUMBERS + STEPS + len(rows) * _row_height(len(rows))
    height = TITLE + inner + FOOT
    figure = base(title, x=_axis(data), height=height)
    figure.update_layout(title_y=1 - 6 / height)
    figure.add_trace(_cells(data, rows, starts))
    figure.add_trace(_crosses(data, rows, starts))
    figure.update_layout(showlegend=False, margin={"t": TITLE, "b": FOOT, "r": 26}, plot_bgcolor="rgba(0,0,0,0)")
    across = {"range": [-0.5, len(starts) - 0.5], "fixedrange": True, **_ticks(starts)}
    figure.update_xaxes(side="top", showgrid=False, zeroline=False, **across)
    figure.update_yaxes(showgrid=False, range=[len(rows) - 0.5, -0.5], fixedrange=True)
    figure.update_yaxes(
        tickvals=list(range(len(rows))), ticktext=[escape(row) for row in rows], tickfont_size=12 if len(rows) <= 40 else 10
    )
    _legend(figure, inner)
    if first and first[0] in rows:
        _frame(figure, rows.index(first[0]), int(np.searchsorted(starts, first[1], side="right")) - 1)
    return figure


def _worst(found: pd.DataFrame, row: "pd.Series[str]") -> pd.DataFrame:
    """Of each row and column of the map the largest share; layers stay in their order, and of equal ones the first stands."""
    named = found.assign(row=row)
    turns = {name: turn for turn, name in enumerate(layers_of(named, "row"))}
    largest = named.sort_values("share", ascending=False, kind="stable").drop_duplicates(["row", "first_step"])
    return largest.sort_values(["row", "first_step"], key=lambda c: c.map(turns) if c.name == "row" else c, kind="stable").reset_index(
        drop=True
    )


def _block(layer: str, parents: set[str]) -> str:
    words = layer.split("_")
    starts = ("_".join(words[:n]) for n in range(len(words), 0, -1))
    return next((start for start in starts if start in parents), words[0])


def _row_height(rows: int) -> int:
    return 30 if rows <= 6 else 24 if rows <= 24 else 20 if rows <= 60 else 15


def _cells(data: pd.DataFrame, rows: Sequence[str], starts: Sequence[int]) -> go.Heatmap:
    at = [rows.index(row) for row in data["row"]], [starts.index(start) for start in data["first_step"]]
    z = np.full((len(rows), len(starts)), np.nan)
    z[at] = [_shade(share, within=within) for share, within in zip(data["share"], data["within"], strict=True)]
    told = [[[""] * 5 for _ in starts] for _ in rows]
    for row, column, cell in zip(*at, data.itertuples(index=False), strict=True):
        told[row][column] = _told(cell)
    return go.Heatmap(
        z=z,
        customdata=told,
        zmin=LOW,
        zmax=HIGH,
        colorscale=_colours(),
        xgap=1,
        ygap=1,
        hoverongaps=False,
        hovertemplate="<b>%{customdata[0]}</b>, %{customdata[1]}<br>relative difference %{customdata[2]}<br>tolerance %{customdata[3]}"
        "<br>%{customdata[4]}<extra></extra>",
        showscale=False,
    )


def _told(cell: Any) -> list[str]:
    """What the mouse shows of a row of `points`."""
    share = float(cell.share)
    taken = f"{share:.2g} of it" if cell.within else f"beyond it, {share:,.3g} times as much" if np.isfinite(share) else "beyond it"
    relative, tolerance = (f"{value:.2e}" if np.isfinite(value) else "not finite" for value in (cell.relative, cell.tolerance))
    return [escape(cell.tensor), f"step {cell.step}", relative, tolerance, taken]


def _shade(share: float, *, within: bool) -> float:
    """Where a share stands on the scale: the colour says what the certificate says, also next to the break."""
    power = float(np.log10(max(share, 10**LOW)))
    return min(power, -0.001) if within else min(max(power, 0.0), HIGH)


def _colours() -> list[tuple[float, str]]:
    zero = -LOW / (HIGH - LOW)
    within = [faded(BLUE, opacity) for opacity in WITHIN]
    below, above = np.linspace(0.0, zero, len(within)), np.linspace(zero, 1.0, len(BEYOND))
    return [*zip(below.tolist(), within, strict=True), *zip(above.tolist(), BEYOND, strict=True)]


def _legend(figure: go.Figure, inner: int) -> None:
    """A strip of all colours over the map, ``inner`` pixels from its bottom to that of the title; Plotly's own would know no opacity."""
    figure.update_layout(yaxis_domain=[0, 1 - (MEANING + STRIP + NUMBERS + STEPS) / inner])
    top = 1 - MEANING / inner
    powers = np.linspace(LOW, HIGH, LEGEND_STEPS, endpoint=False) + (HIGH - LOW) / LEGEND_STEPS / 2
    strip = {"colorscale": _colours(), "zmin": LOW, "zmax": HIGH, "showscale": False, "hoverinfo": "skip"}
    figure.add_trace(go.Heatmap(x=powers, z=[powers], xaxis="x2", yaxis="y2", **strip))
    ticks = {"tickvals": list(TICKS), "ticktext": list(TICKS.values()), "tickfont": {"size": 11}, "ticks": "outside", "ticklen": 3}
    figure.update_layout(
        xaxis2={"anchor": "y2", "range": [LOW, HIGH], "fixedrange": True, "showgrid": False, "zeroline": False, **ticks},
        yaxis2={"anchor": "x2", "domain": [top - STRIP / inner, top], "visible": False, "fixedrange": True},
    )
    text = "share of the tolerance (log scale); 1 is all of it"
    place = {"x": 1, "xref": "paper", "xanchor": "right", "y": 1, "yref": "paper", "yanchor": "top"}
    figure.add_annotation(text=text, showarrow=False, font_size=12, **place)


def _crosses(data: pd.DataFrame, rows: Sequence[str], starts: Sequence[int]) -> go.Scatter:
    """What is beyond its tolerance can be seen without colour, too."""
    beyond = data[~data["within"].astype(bool)]
    size = 9 if len(starts) <= 10 else 6 if len(starts) <= 20 else 4
    return go.Scatter(
        x=[starts.index(start) for start in beyond["first_step"]],
        y=[rows.index(row) for row in beyond["row"]],
        mode="markers",
        marker={"symbol": "x-thin", "size": size, "line": {"width": 1.6, "color": MARK}},
        hoverinfo="skip",
    )


def _axis(data: pd.DataFrame) -> str:
    width = int((data["last_step"] - data["first_step"]).max()) + 1
    return "optimizer step" if width == 1 else f"optimizer step, {width} in each column"


def _ticks(starts: Sequence[int]) -> dict[str, Any]:
    """Every fifth column where there are many, by its first step."""
    every = 1 if len(starts) <= 10 else 5
    shown = [at for at in range(len(starts)) if at == 0 or (at + 1) % every == 0]
    return {"tickvals": shown, "ticktext": [str(starts[at]) for at in shown], "tickangle": 0}


def _frame(figure: go.Figure, row: int, column: int) -> None:
    box = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
    figure.add_shape(type="rect", **box, line={"color": GREY, "width": 3}, fillcolor="rgba(0,0,0,0)")
