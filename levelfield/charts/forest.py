"""How sides compare, as ratios with their intervals."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.style import GREY, Look, base
from levelfield.report import formats
from levelfield.report.model import Comparison
from levelfield.report.quantities import QUANTITIES, Quantity
from levelfield.stats import Effect

BETTER = {
    "speed": "higher is better",
    "throughput": "higher is better",
    "time_to_train": "lower is better",
    "cost": "lower is better",
    "process_peak_rss": "lower is better",
}


def forest(comparison: Comparison, margin: float, look: Mapping[str, Look]) -> go.Figure:
    """The ratios A / B with their 95% intervals, one row each, over the band that counts as equivalent."""
    a, b = look[comparison.a.label], look[comparison.b.label]
    shown = [(quantity, effect) for quantity in reversed(QUANTITIES) if (effect := _ratio(comparison, quantity)) is not None]
    figure = base(f"Ratio {a.name} / {b.name} with 95% interval", x="ratio (log scale; 1 = equal)", height=150 + 84 * max(len(shown), 1))
    figure.update_layout(showlegend=False)
    figure.update_yaxes(visible=False, range=[-0.3, len(shown) - 0.25])
    figure.update_xaxes(type="log", **log_ticks([effect for _, effect in shown], margin))
    draw_margin(figure, margin)
    favoured = {"a": a.colour, "b": b.colour}.get(comparison.speed.favours or "", GREY)
    for at, (quantity, effect) in enumerate(shown):
        # Only the speed has a verdict, so only its marker has the colour of a side.
        colour = favoured if quantity.name == comparison.speed_from else GREY
        figure.add_trace(whisker(effect, at, colour))
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": at + 0.14, "yanchor": "bottom"}
        figure.add_annotation(text=_row_text(quantity, effect), align="left", font_size=13, showarrow=False, **place)
    return figure


def draw_margin(figure: go.Figure, margin: float) -> None:
    """The band of equivalence, which is that of the verdict on speed."""
    figure.add_vrect(x0=1 / (1 + margin), x1=1 + margin, fillcolor=GREY, opacity=0.22, line_width=0)
    figure.add_vline(x=1, line={"color": GREY, "width": 1})
    text = f"equal speed ±{formats.margin(margin)}"
    figure.add_annotation(x=0, y=1, yref="paper", yanchor="bottom", showarrow=False, text=text, font={"color": GREY})


def _ratio(comparison: Comparison, quantity: Quantity) -> Effect | None:
    effect = comparison.effects.get(quantity.name)
    return effect if effect and effect.scale == "ratio" and effect.estimate is not None else None


def _row_text(quantity: Quantity, effect: Effect) -> str:
    """Two short lines, because on a telephone a long one would be cut off."""
    name = f"<b>{quantity.label}</b>, {BETTER[quantity.name]}"
    found = f"<b>{formats.estimate(effect)}</b> {formats.interval(effect)}"
    pairs = "" if effect.excluded else f", {effect.n} pair{'' if effect.n == 1 else 's'}"
    return f"{name}<br>{found}{pairs}"


def whisker(effect: Effect, at: int, colour: str) -> go.Scatter:
    """One row: an estimate and its interval, if there is one."""
    low, high = (effect.interval.low, effect.interval.high) if effect.interval else (effect.estimate, effect.estimate)
    return go.Scatter(
        x=[low, effect.estimate, high],
        y=[at] * 3,
        mode="lines+markers",
        line={"color": colour, "width": 3},
        marker={"color": colour, "size": 13, "symbol": ["line-ns", "diamond", "line-ns"], "line": {"width": 2, "color": colour}},
        hoverinfo="skip",
    )


def log_ticks(effects: Iterable[Effect], margin: float) -> dict[str, object]:
    """A range that is the same to both sides of 1, and ticks that a reader can use; wider than 20-fold is cut off."""
    ends = [end for e in effects for end in ((e.interval.low, e.interval.high) if e.interval else (e.estimate or 1.0,))]
    reach = max(abs(float(np.log(end))) for end in [*ends, 1 + 3 * margin])
    reach = min(reach * 1.25, float(np.log(20)))
    steps = [1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20]
    chosen = [step for step in steps if reach / 5 <= np.log(step) <= reach]
    ticks = sorted({1.0, *(float(f"{1 / step:.3g}") for step in chosen[:1] + chosen[2::2]), *(chosen[:1] + chosen[2::2])})
    ends_log10 = reach / float(np.log(10))
    return {"range": [-ends_log10, ends_log10], "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def data(comparison: Comparison) -> pd.DataFrame:
    """What `forest` shows: a row for each quantity."""
    shown = [(quantity, effect) for quantity in QUANTITIES if (effect := _ratio(comparison, quantity)) is not None]
    columns = ["quantity", "a", "b", "ratio", "low", "high", "pairs", "excluded_pairs"]
    rows = [
        (quantity.name, comparison.a.title, comparison.b.title, effect.estimate, *_ends(effect), effect.n, effect.excluded)
        for quantity, effect in shown
    ]
    return pd.DataFrame(rows, columns=columns)


def _ends(effect: Effect) -> tuple[float | None, float | None]:
    return (effect.interval.low, effect.interval.high) if effect.interval else (None, None)
