"""What networks take test examples for, as heat maps: the confusion of each side, and where two sides disagree."""

from collections.abc import Sequence
from html import escape

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from levelfield.charts.style import Look, base, faded
from levelfield.report.confusion import Matrix

MAX_CLASSES = 30  # rows and columns; of more classes those on which most errors were made
WRITTEN = 12  # classes up to which cells have their numbers written in them
OTHERS = "other classes"
DISAGREEMENT = "#8b6bc8"  # no framework's
SAME = "rgba(128,128,128,.2)"
OPAQUE = 0.75  # at most, so that what is written on it can be read on light and dark ground


def name_of(at: int | None, names: Sequence[str]) -> str:
    """The name of a class; its number where it has none."""
    return OTHERS if at is None else names[at] if at < len(names) else str(at)


def confusion_frame(matrix: Matrix, names: Sequence[str]) -> pd.DataFrame:
    """A row for each cell: how many examples of a class were given a class, and what share of that class they are."""
    rows = [
        (name_of(right, names), name_of(given, names), int(count), int(total), count / total if total else np.nan)
        for right, counts, total in zip(matrix.rows, matrix.counts, matrix.totals, strict=True)
        for given, count in zip(matrix.columns, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=["right_class", "given_class", "count", "examples", "share"])


def disagreement_frame(matrix: Matrix, names: Sequence[str], sides: tuple[str, str]) -> pd.DataFrame:
    """A row for each cell: how often the first side gave the one class, the second the other."""
    rows = [
        (name_of(a, names), name_of(b, names), int(count))
        for a, counts in zip(matrix.rows, matrix.counts, strict=True)
        for b, count in zip(matrix.columns, counts, strict=True)
    ]
    return pd.DataFrame(rows, columns=[f"{sides[0]}_gave", f"{sides[1]}_gave", "count"])


def most_errors(matrices: Sequence[Matrix]) -> float:
    """The largest share of a class that was taken for another one: where the colours of all `confusion` maps end."""
    return max((float(np.nanmax(_off(matrix, _shares(matrix)), initial=0.0)) for matrix in matrices), default=0.0)


def confusion(matrix: Matrix, names: Sequence[str], side: Look, *, top: float) -> go.Figure:
    """Rows are the right classes, columns those that a side's networks gave, cells the share of the class; ``top`` as `most_errors`."""
    shares = _shares(matrix)
    figure = _figure(f"{side.name}: what each class was taken for", matrix, names, x=f"{side.name} says", y="right class")
    hover = [
        [
            f"{_name(right, names)} taken for {_name(given, names)}<br>{count:,} of {total:,} ({share:.2%})"
            for given, count, share in zip(matrix.columns, counts, own, strict=True)
        ]
        for right, counts, total, own in zip(matrix.rows, matrix.counts, matrix.totals, shares, strict=True)
    ]
    texts = np.vectorize(_percent, otypes=[str])(shares)
    _draw(figure, matrix, shares, texts=texts, hover=hover, colour=side.colour, top=top, form=".0%")
    return figure


def disagreement(matrix: Matrix, names: Sequence[str], sides: tuple[Look, Look]) -> go.Figure:
    """Rows are the classes that the first side gave, columns the second's, cells how often; grey is where they agree."""
    a, b = sides
    figure = _figure(f"Where {a.name} and {b.name} disagree", matrix, names, x=f"{b.name} says", y=f"{a.name} says")
    hover = [
        [
            f"{a.name}: {_name(one, names)}<br>{b.name}: {_name(other, names)}<br>{count:,} times"
            for other, count in zip(matrix.columns, counts, strict=True)
        ]
        for one, counts in zip(matrix.rows, matrix.counts, strict=True)
    ]
    values = matrix.counts.astype(np.float64)
    off = _off(matrix, values)
    texts = np.where(np.isnan(off) | (off == 0), "", np.vectorize(lambda value: f"{value:,.0f}", otypes=[str])(values))
    _draw(figure, matrix, values, texts=texts, hover=hover, colour=DISAGREEMENT, top=float(np.nanmax(off, initial=0.0)), form="~s")
    return figure


def _figure(title: str, matrix: Matrix, names: Sequence[str], *, x: str, y: str) -> go.Figure:
    rows, columns = len(matrix.rows), len(matrix.columns)
    cell = 64 if rows <= 4 else 34 if rows <= WRITTEN else 22 if rows <= 24 else 15
    figure = base(title, x=x, y=y, height=150 + cell * rows)
    figure.update_layout(margin={"t": 40}, showlegend=False, plot_bgcolor="rgba(0,0,0,0)")
    size = 12 if rows <= 24 else 9
    ticks = {"showgrid": False, "zeroline": False, "fixedrange": True, "tickfont_size": size}
    every = 1 if columns <= 24 else 2  # rows name the others
    shown = list(range(0, columns, every))
    at_x = {"tickvals": shown, "ticktext": [_name(matrix.columns[at], names) for at in shown], "range": [-0.5, columns - 0.5]}
    at_y = {"tickvals": list(range(rows)), "ticktext": [_name(at, names) for at in matrix.rows], "range": [rows - 0.5, -0.5]}
    longest = max(len(name_of(at, names)) for at in matrix.columns)
    figure.update_xaxes(**ticks, **at_x, tickangle=0 if longest <= 2 or columns <= 3 else -45 if columns <= 24 else -90)
    figure.update_yaxes(**ticks, **at_y)
    return figure


def _draw(  # noqa: PLR0913 - what a cell says, and how its colour is found
    figure: go.Figure,
    matrix: Matrix,
    values: NDArray[np.float64],
    *,
    texts: NDArray[np.str_],
    hover: Sequence[Sequence[str]],
    colour: str,
    top: float,
    form: str,
) -> None:
    off = _off(matrix, values)
    common = {"customdata": hover, "hovertemplate": "%{customdata}<extra></extra>", "hoverongaps": False, "xgap": 1, "ygap": 1}
    same = np.where(_diagonal(matrix), 1.0, np.nan)
    grey = {"colorscale": [(0.0, SAME), (1.0, SAME)], "zmin": 0, "zmax": 1, "showscale": False}
    figure.add_trace(go.Heatmap(z=same, **grey, **common))
    # Below the smallest error lies what never happened: it has no colour.
    scale = [(0.0, faded(colour, 0.03)), (1.0, faded(colour, OPAQUE))]
    bar = {"thickness": 10, "outlinewidth": 0, "tickformat": form, "tickfont": {"size": 11}, "xpad": 4}
    figure.add_trace(
        go.Heatmap(
            z=off,
            colorscale=scale,
            zmin=0,
            zmax=top or 1.0,
            showscale=len(matrix.rows) > WRITTEN,
            colorbar=bar,
            **common,
        )
    )
    if len(matrix.rows) <= WRITTEN:
        figure.add_trace(_written(texts))


def _written(texts: NDArray[np.str_]) -> go.Scatter:
    """Numbers in the cells. Their colour is the theme's: a heat map would choose one as if its colours were opaque."""
    rows, columns = np.nonzero(texts != "")
    return go.Scatter(x=columns, y=rows, text=texts[rows, columns], mode="text", textfont={"size": 11}, hoverinfo="skip", showlegend=False)


def _shares(matrix: Matrix) -> NDArray[np.float64]:
    """Of each row's total; not a number where a class has no example."""
    totals = matrix.totals.astype(np.float64)
    return matrix.counts / np.where(totals > 0, totals, np.nan)[:, None]


def _off(matrix: Matrix, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values beside the diagonal, which alone have a colour: of a good network the diagonal would outshine all of them."""
    return np.where(_diagonal(matrix), np.nan, values)


def _diagonal(matrix: Matrix) -> NDArray[np.bool_]:
    """Where a row's class is the column's."""
    return np.array([[row == column for column in matrix.columns] for row in matrix.rows])


def _name(at: int | None, names: Sequence[str]) -> str:
    return escape(name_of(at, names))


def _percent(share: float) -> str:
    """As short as a small cell needs it; nothing where nothing was."""
    if np.isnan(share) or share == 0:
        return ""
    return f"{share * 100:.0f}" if share >= 0.0995 else f"{share * 100:.1f}"
