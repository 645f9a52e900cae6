"""When a slow start pays: seconds from the process's start until so many epochs are trained, as straight lines from the medians."""

from collections.abc import Iterable, Mapping

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.report.model import Comparison, SideSummary
from levelfield.report.quantities import START, THROUGHPUT


def lines(sides: Iterable[SideSummary], epoch_examples: float, epochs: float) -> pd.DataFrame:
    """By side the seconds at epoch 0 and at the last one: start until full speed + epochs * ``epoch_examples`` / throughput."""
    found = []
    for one in sides:
        start, rate = (one.quantities[quantity.name].median for quantity in (START, THROUGHPUT))
        if start is not None and rate:
            found += [(one.side.label, at, start + at * epoch_examples / rate) for at in (0.0, epochs)]
    return pd.DataFrame(found, columns=["side", "epochs", "seconds"])


def horizon(comparisons: Iterable[Comparison], epochs: float) -> float:
    """How far to draw: the epochs that were trained, or a little beyond the last crossing, if that is not absurdly far."""
    crossings = [one.break_even.epochs for one in comparisons if one.break_even and one.break_even.epochs < 20 * max(epochs, 1.0)]
    return max([epochs, *(1.6 * crossing for crossing in crossings)])


def starts(data: pd.DataFrame, comparisons: Iterable[Comparison], look: Mapping[str, Look]) -> go.Figure:
    """The `lines`, with a mark where two of them cross."""
    figure = base("Seconds until so many epochs are trained", x="epochs", y="seconds since the process began", height=380)
    figure.update_yaxes(rangemode="tozero")
    for side in look.values():
        own = data[data["side"] == side.label]
        if len(own):
            line = {"color": side.colour, "width": 2.6, "dash": side.dash}
            figure.add_trace(go.Scatter(x=own["epochs"], y=own["seconds"], mode="lines", line=line, name=side.name))
    last = float(data["epochs"].max()) if len(data) else 0.0
    for one in comparisons:
        if one.break_even and 0 < one.break_even.epochs <= last:
            figure.add_vline(x=one.break_even.epochs, line={"color": GREY, "width": 1.5, "dash": "dot"})
            text = f"pays after {one.break_even.epochs:.2g} epochs"
            place = {"y": 0.02, "yref": "paper", "yanchor": "bottom", "xanchor": "left", "showarrow": False, "font": {"color": GREY}}
            figure.add_annotation(x=one.break_even.epochs, text=text, **place)
    return figure
