"""All cases of a study at a glance: the ratio of speeds on each, with its interval."""

from collections.abc import Mapping

import pandas as pd
import plotly.graph_objects as go

from levelfield.charts.forest import draw_margin, log_ticks, whisker
from levelfield.charts.style import GREY, Look, base
from levelfield.report import formats
from levelfield.report.model import Analysis, Comparison
from levelfield.report.titles import case_title
from levelfield.stats import Effect


def data(analysis: Analysis) -> pd.DataFrame:
    """A row for each case and every two sides: the ratio of speeds A / B, its interval, and the side that the verdict favours."""
    columns = ["case", "a", "b", "ratio", "low", "high", "pairs", "favours"]
    rows = []
    for workload in analysis.workloads:
        for one in workload.comparisons:
            effect = one.effects[one.speed_from]
            if effect.estimate is not None:
                ends = (effect.interval.low, effect.interval.high) if effect.interval else (None, None)
                favoured = {"a": one.a.label, "b": one.b.label}.get(one.speed.favours or "", "")
                rows.append((case_title(workload.case), one.a.title, one.b.title, effect.estimate, *ends, effect.n, favoured))
    return pd.DataFrame(rows, columns=columns)


def overview(analysis: Analysis, look: Mapping[str, Look]) -> go.Figure:
    """The ratios, one row each, in the colour of the side that is found to be faster."""
    shown = [(workload, one) for workload in analysis.workloads for one in workload.comparisons if _effect(one).estimate is not None]
    title = "Speed on each workload, with 95% interval"
    figure = base(title, x="ratio A / B (log scale; 1 = equal)", height=140 + 84 * max(len(shown), 1))
    figure.update_layout(showlegend=False)
    figure.update_yaxes(visible=False, range=[-0.3, len(shown) - 0.25])
    figure.update_xaxes(type="log", **log_ticks([_effect(one) for _, one in shown], analysis.margin))
    draw_margin(figure, analysis.margin)
    for at, (workload, one) in enumerate(reversed(shown)):
        favoured = look.get({"a": one.a.label, "b": one.b.label}.get(one.speed.favours or "", ""))
        figure.add_trace(whisker(_effect(one), at, favoured.colour if favoured else GREY))
        sides = f"{look[one.a.label].name} / {look[one.b.label].name}"
        text = f"<b>{case_title(workload.case)}</b><br>{sides}: <b>{formats.estimate(_effect(one))}</b> {formats.interval(_effect(one))}"
        place = {"x": 0, "xref": "paper", "xanchor": "left", "y": at + 0.14, "yanchor": "bottom"}
        figure.add_annotation(text=text, align="left", font_size=13, showarrow=False, **place)
    return figure


def _effect(one: Comparison) -> Effect:
    return one.effects[one.speed_from]
