"""What a run takes, memory or energy, as medians with their range."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import WHISKER, Look, base
from levelfield.report.formats import MIB
from levelfield.report.model import SideSummary
from levelfield.report.quantities import Quantity

UNITS = {"bytes": ("MiB", MIB), "J": ("joules", 1)}


def data(sides: Iterable[SideSummary], quantities: Sequence[Quantity]) -> pd.DataFrame:
    """A row for each side and quantity that any of its runs has, in the unit that readers see."""
    columns = ["quantity", "side", "unit", "median", "min", "max", "runs", "missing_runs"]
    found = []
    for quantity in quantities:
        unit, scale = UNITS[quantity.unit]
        for one in sides:
            told = one.quantities[quantity.name]
            if told.median is not None and told.min is not None and told.max is not None:
                values = (told.median / scale, told.min / scale, told.max / scale)
                found.append((quantity.label, one.side.label, unit, *values, told.n, told.missing))
    return pd.DataFrame(found, columns=columns)


def amounts(shown: pd.DataFrame, look: Mapping[str, Look], *, title: str) -> go.Figure:
    """A bar for each side and quantity from zero to the median, its whisker from the least to the most of any run."""
    names = list(dict.fromkeys(shown["quantity"]))
    figure = base(title, x=str(shown["unit"].iloc[0]), height=130 + 44 * len(shown))
    figure.update_layout(barmode="group", bargap=0.35)
    figure.update_yaxes(autorange="reversed", showgrid=False, categoryorder="array", categoryarray=names)
    figure.update_xaxes(rangemode="tozero")
    for side in look.values():
        own = shown[shown["side"] == side.label]
        if len(own):
            whisker = {"array": own["max"] - own["median"], "arrayminus": own["median"] - own["min"], "symmetric": False, **WHISKER}
            figure.add_trace(
                go.Bar(
                    x=own["median"],
                    y=own["quantity"],
                    orientation="h",
                    name=side.name,
                    marker_color=side.colour,
                    error_x=whisker,
                    hovertemplate=f"{side.name}, %{{y}}: %{{x:,.4~g}}<extra></extra>",
                )
            )
    return figure
