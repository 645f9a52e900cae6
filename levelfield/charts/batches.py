"""Throughput against batch size, over all studies of a store."""

from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import Look, base
from levelfield.report.model import SideSummary


def data(rates: pd.DataFrame, sides: Sequence[SideSummary]) -> pd.DataFrame:
    """By side and batch size the median, least and most examples/s of the runs of the same framework, mode and precision.

    ``rates`` has a row for each run: framework, mode, precision, batch_size, rate.
    """
    columns = ["side", "batch_size", "median", "min", "max", "runs"]
    found = []
    for one in sides:
        alike = rates[
            (rates["framework"] == one.side.framework) & (rates["mode"] == one.side.mode) & (rates["precision"] == one.side.precision)
        ]
        groups = alike.groupby("batch_size")["rate"].agg(["median", "min", "max", "count"]).reset_index()
        found += [(one.side.label, *row) for row in groups.itertuples(index=False)]
    return pd.DataFrame(found, columns=columns)


def batches(shown: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """Medians with their range, batch sizes on a log scale."""
    figure = base("Throughput by batch size", x="batch size (log scale)", y="examples/s", height=380)
    sizes = sorted(shown["batch_size"].unique())
    figure.update_xaxes(type="log", tickvals=sizes, ticktext=[f"{size:,}" for size in sizes])
    figure.update_yaxes(rangemode="tozero")
    for side in look.values():
        own = shown[shown["side"] == side.label].sort_values("batch_size")
        if len(own):
            whisker = {"array": own["max"] - own["median"], "arrayminus": own["median"] - own["min"], "symmetric": False, "thickness": 1.5}
            figure.add_trace(
                go.Scatter(
                    x=own["batch_size"],
                    y=own["median"],
                    error_y=whisker,
                    mode="lines+markers",
                    name=side.name,
                    line={"color": side.colour, "width": 2.6, "dash": side.dash},
                    marker={"size": 9, "symbol": side.symbol},
                    hovertemplate=f"{side.name}, batch %{{x}}: %{{y:,.4~g}} examples/s<extra></extra>",
                )
            )
    return figure
