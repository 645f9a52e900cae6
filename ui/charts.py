"""What the study found and how the networks learned, as Plotly figures: pure functions of an analysis and of a study's frames."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from levelfield.report import formats
from levelfield.report.model import Comparison
from levelfield.report.quantities import QUANTITIES, Quantity
from levelfield.stats import Effect
from ui.look import GREY, Look, faded

CONFIG = {"displaylogo": False, "modeBarButtons": [["toImage", "zoom2d", "resetScale2d"]]}
MEASURES = {"test_accuracy": "test accuracy", "test_loss": "test loss", "train_loss": "training loss"}
CLOCKS = {"epoch": "epoch", "seconds": "seconds in training steps"}
MAX_LINES = 40  # runs of a side that are drawn one by one; more of them become a band
MAX_EPOCHS = 250
BETTER = {
    "speed": "higher is better",
    "throughput": "higher is better",
    "time_to_train": "lower is better",
    "cost": "lower is better",
    "process_peak_rss": "lower is better",
}


def base(title: str, *, x: str, y: str = "", height: int = 360) -> go.Figure:
    """An empty figure. Backgrounds and texts are left to the theme, light or dark."""
    figure = go.Figure()
    figure.update_layout(
        title={"text": title, "x": 0, "xanchor": "left", "y": 0.98, "yanchor": "top", "font": {"size": 15}},
        height=height,
        margin={"l": 8, "r": 12, "t": 74, "b": 48},
        legend={"orientation": "h", "x": 0, "y": 1.02, "xanchor": "left", "yanchor": "bottom", "title": "", "font": {"size": 12}},
        hovermode="closest",
    )
    figure.update_xaxes(title=x, automargin=True, title_font_size=13, tickfont_size=12, gridcolor="rgba(128,128,128,.18)")
    figure.update_yaxes(title=y, automargin=True, title_font_size=13, tickfont_size=12, gridcolor="rgba(128,128,128,.18)", zeroline=False)
    return figure


def forest(comparison: Comparison, margin: float, look: Mapping[str, Look]) -> go.Figure:
    """The ratios A / B with their 95% intervals, one row each, over the band that counts as equivalent."""
    a, b = look[comparison.a.label], look[comparison.b.label]
    shown = [(quantity, effect) for quantity in reversed(QUANTITIES) if (effect := _ratio(comparison, quantity)) is not None]
    figure = base(f"Ratio {a.name} / {b.name} with 95% interval", x="ratio (log scale; 1 = equal)", height=150 + 84 * max(len(shown), 1))
    figure.update_layout(showlegend=False)
    figure.update_yaxes(visible=False, range=[-0.3, len(shown) - 0.25])
    figure.update_xaxes(type="log", **_log_ticks([effect for _, effect in shown], margin))
    _draw_margin(figure, margin)
    favoured = {"a": a.colour, "b": b.colour}.get(comparison.speed.favours or "", GREY)
    for at, (quantity, effect) in enumerate(shown):
        figure.add_trace(_whisker(effect, at, favoured if quantity.name == comparison.speed_from else GREY))
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": at + 0.14, "yanchor": "bottom"}
        figure.add_annotation(text=_row_text(quantity, effect), align="left", font_size=13, showarrow=False, **place)
    return figure


def learning(epochs: pd.DataFrame, look: Mapping[str, Look], *, measure: str, clock: str) -> go.Figure:
    """A measure over the epochs or the seconds of training: a thin line for each run, bold their median at each epoch."""
    name = MEASURES[measure]
    figure = base(f"{name.capitalize()} by {CLOCKS[clock]}", x=CLOCKS[clock], y=name, height=430)
    if measure == "test_accuracy":
        figure.update_yaxes(tickformat=".4~p")
    data = epochs.sort_values(["run_id", "epoch"]).copy()
    data["seconds"] = data.groupby("run_id")["train_s"].cumsum()
    kept = _every(int(data["epoch"].max()) + 1) if len(data) else []
    data = data[data["epoch"].isin(kept)].assign(epoch=lambda frame: frame["epoch"] + 1)
    for side in look.values():
        if len(own := data[data["side"] == side.label]):
            figure.add_traces(_curves(own, side, measure, clock))
    return figure


def _draw_margin(figure: go.Figure, margin: float) -> None:
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


def _whisker(effect: Effect, at: int, colour: str) -> go.Scatter:
    """One row. Only the speed has a verdict, so only its marker has the colour of a side."""
    low, high = (effect.interval.low, effect.interval.high) if effect.interval else (effect.estimate, effect.estimate)
    return go.Scatter(
        x=[low, effect.estimate, high],
        y=[at] * 3,
        mode="lines+markers",
        line={"color": colour, "width": 3},
        marker={"color": colour, "size": 13, "symbol": ["line-ns", "diamond", "line-ns"], "line": {"width": 2, "color": colour}},
        hoverinfo="skip",
    )


def _log_ticks(effects: Iterable[Effect], margin: float) -> dict[str, object]:
    """A range that is the same to both sides of 1, and ticks that a reader can use; wider than 20-fold is cut off."""
    ends = [end for e in effects for end in ((e.interval.low, e.interval.high) if e.interval else (e.estimate or 1.0,))]
    reach = max(abs(float(np.log(end))) for end in [*ends, 1 + 3 * margin])
    reach = min(reach * 1.25, float(np.log(20)))
    steps = [1.02, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10, 20]
    chosen = [step for step in steps if reach / 5 <= np.log(step) <= reach]
    ticks = sorted({1.0, *(float(f"{1 / step:.3g}") for step in chosen[:1] + chosen[2::2]), *(chosen[:1] + chosen[2::2])})
    ends_log10 = reach / float(np.log(10))
    return {"range": [-ends_log10, ends_log10], "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]}


def _every(epochs: int) -> list[int]:
    """The epochs to draw: all of them, or evenly spread ones and the last."""
    return sorted({*range(0, epochs, -(-epochs // MAX_EPOCHS)), epochs - 1})


def _curves(own: pd.DataFrame, side: Look, measure: str, clock: str) -> list[go.Scatter]:
    middle = own.groupby("epoch", as_index=False)[list({clock, measure} - {"epoch"})].median()
    runs = own["run_id"].nunique()
    behind = _band(own, middle, side, measure, clock) if runs > MAX_LINES else [_thin(own, side, measure, clock)]
    bold = go.Scatter(
        x=middle[clock],
        y=middle[measure],
        mode="lines",
        name=f"{side.name}, median of {runs}",
        line={"color": side.colour, "width": 3.2, "dash": side.dash},
        hovertemplate=f"{side.name}, median<br>%{{x:.4~g}} {clock}: %{{y:.4~g}}<extra></extra>",
    )
    return [*behind, bold]


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


def _band(own: pd.DataFrame, middle: pd.DataFrame, side: Look, measure: str, clock: str) -> list[go.Scatter]:
    low, high = (own.groupby("epoch")[measure].quantile(share).to_numpy() for share in (0.05, 0.95))
    style = {"mode": "lines", "line": {"color": side.colour, "width": 0}, "hoverinfo": "skip", "showlegend": False}
    return [
        go.Scatter(x=middle[clock], y=low, **style),
        go.Scatter(x=middle[clock], y=high, fill="tonexty", fillcolor=faded(side.colour), **style),
    ]
