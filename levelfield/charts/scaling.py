"""How training scales with the number of workers."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, TICKS, Look, base
from levelfield.report.model import Analysis, Scaling, WorkloadAnalysis
from levelfield.report.quantities import EXCHANGE_SHARE


def data(found: Iterable[Scaling]) -> pd.DataFrame:
    """A row for each side and number of workers: throughput (median, range), speedup and efficiency with its 95% interval."""
    columns = ["side", "workers", "throughput", "min", "max", "speedup", "efficiency", "low", "high", "seeds"]
    rows = []
    for one in found:
        for step in one.steps:
            ends = (step.interval.low, step.interval.high) if step.interval else (None, None)
            seen = step.throughput
            told = (seen.median, seen.min, seen.max, step.speedup.estimate, step.efficiency, *ends, step.speedup.n)
            rows.append((one.side.label, step.workers, *told))
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(columns[2:9], "float64"))


def throughput(shown: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """Throughput by workers on two log scales, on which ideal scaling is a straight line from each side's own beginning."""
    figure = base("Throughput by number of workers", x="workers (log scale)", y="examples/s (log scale)", height=420)
    workers = sorted(shown["workers"].unique())
    _ticks(figure, workers)
    figure.update_yaxes(type="log", **TICKS)
    for side, own in _sides(shown.dropna(subset=["throughput"]), look):
        first = own.iloc[0]
        ideal = [first["throughput"] * n / first["workers"] for n in workers]
        thin = {"color": side.colour, "width": 1, "dash": "dot"}
        figure.add_trace(go.Scatter(x=workers, y=ideal, mode="lines", line=thin, name=f"{side.name}, ideal", hoverinfo="skip"))
        whisker = {"array": own["max"] - own["throughput"], "arrayminus": own["throughput"] - own["min"], "symmetric": False}
        figure.add_trace(
            go.Scatter(
                x=own["workers"],
                y=own["throughput"],
                error_y=whisker,
                name=side.name,
                mode="lines+markers",
                line={"color": side.colour, "width": 2.6},
                marker={"size": 9, "symbol": side.symbol},
                hovertemplate=f"{side.name}, %{{x}} workers: %{{y:,.4~g}} examples/s<extra></extra>",
            )
        )
    return figure


def efficiency(shown: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """Speedup over how many times more workers there are, with its 95% interval; 100% is ideal."""
    figure = base("Efficiency by number of workers", x="workers (log scale)", y="efficiency", height=380)
    _ticks(figure, sorted(shown["workers"].unique()))
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    figure.add_hline(y=1, line={"color": GREY, "width": 1.5, "dash": "dot"})
    figure.add_annotation(x=0, xref="paper", xanchor="left", y=1, yanchor="bottom", text="ideal", showarrow=False, font_color=GREY)
    for side, own in _sides(shown.dropna(subset=["efficiency"]), look):
        figure.add_trace(_with_interval(own, side))
    return figure


def exchange(shown: pd.DataFrame, look: Mapping[str, Look]) -> go.Figure:
    """The share of a step that the exchange of gradients takes, as bars by number of workers."""
    figure = base("Time in the exchange of gradients, as a share of a step", x="workers", y="share of a step", height=340)
    figure.update_layout(barmode="group", bargap=0.3)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%")
    for side, own in _sides(shown, look):
        whisker = {"array": own["max"] - own["median"], "arrayminus": own["median"] - own["min"], "symmetric": False, "thickness": 1.5}
        figure.add_trace(go.Bar(x=own["workers"].astype(str), y=own["median"], error_y=whisker, name=side.name, marker_color=side.colour))
    return figure


def exchange_data(workload: str, analysis: Analysis) -> pd.DataFrame:
    """A row for each side and number of workers of which that share is known, over its runs."""
    rows = [
        (one.side.label, case.workers, told.median, told.min, told.max, told.n)
        for case in _cases(workload, analysis.workloads)
        for one in case.sides
        if (told := one.quantities[EXCHANGE_SHARE.name]).median is not None
    ]
    return pd.DataFrame(rows, columns=["side", "workers", "median", "min", "max", "runs"])


def _cases(workload: str, found: Sequence[WorkloadAnalysis]) -> list[WorkloadAnalysis]:
    return sorted((one for one in found if one.name == workload), key=lambda one: one.workers)


def _sides(shown: pd.DataFrame, look: Mapping[str, Look]) -> Iterable[tuple[Look, pd.DataFrame]]:
    for side in look.values():
        if len(own := shown[shown["side"] == side.label].sort_values("workers")):
            yield side, own


def _ticks(figure: go.Figure, workers: Sequence[int]) -> None:
    figure.update_xaxes(type="log", tickvals=list(workers), ticktext=[f"{n:,}" for n in workers])


def _with_interval(own: pd.DataFrame, side: Look) -> go.Scatter:
    whisker = {"array": own["high"] - own["efficiency"], "arrayminus": own["efficiency"] - own["low"], "symmetric": False, "thickness": 1.5}
    return go.Scatter(
        x=own["workers"],
        y=own["efficiency"],
        error_y=whisker,
        mode="lines+markers",
        name=side.name,
        line={"color": side.colour, "width": 2.6},
        marker={"size": 9, "symbol": side.symbol},
        hovertemplate=f"{side.name}, %{{x}} workers: %{{y:.1%}}<extra></extra>",
    )
