"""A chart on a page: the figure, what it rests on, and its export."""

import io
from collections.abc import Mapping, Sequence

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from levelfield.charts.style import CONFIG, Look
from levelfield.report.model import Analysis, Comparison, WorkloadAnalysis
from ui.look import div

FORMATS = {"PNG": "png", "SVG": "svg"}
LEVEL = "95% intervals"


def chart(figure: go.Figure, key: str, data: pd.DataFrame, *, basis: str, note: str = "") -> None:
    """Draw a figure. ``data`` is what it shows, for export; ``basis`` (see `basis_of`) and ``note`` stand under it."""
    title = figure.layout.title.text or key
    form = st.session_state.get(f"{key}-image", "PNG")
    image = {"format": FORMATS.get(form, "png"), "filename": f"levelfield-{key}", "scale": 2}
    st.plotly_chart(figure, config={**CONFIG, "toImageButtonOptions": image}, key=key, alt=title)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(div("lf-soft", " ".join(filter(None, (note, basis)))), width="stretch")
        _export(key, data, form)


def basis_of(n: str, workload: WorkloadAnalysis | None, analysis: Analysis, *, interval: str = LEVEL) -> str:
    """What a chart rests on: how many of what, the level of its intervals, the track, and whether the comparison is certified.

    Without a workload it is a chart of all of them.
    """
    comparisons = [one for case in analysis.workloads if workload in (case, None) for one in case.comparisons]
    parts = [n, interval, f"track {analysis.track}", _certified(comparisons)]
    return f"{'; '.join(filter(None, parts))}."


def _certified(comparisons: Sequence[Comparison]) -> str:
    """For all of them together."""
    if not comparisons:
        return ""
    passed = [bool(one.certificate and one.certificate.passed) for one in comparisons]
    if all(passed):
        return "certified"
    return "partly certified" if any(passed) else "not certified"


def _export(key: str, data: pd.DataFrame, form: str) -> None:
    with st.popover("Export", type="tertiary"):
        st.segmented_control("Image", list(FORMATS), default=form, required=True, key=f"{key}-image")
        st.html(div("lf-soft", f"The camera above the chart saves it as {form}."))
        name = f"levelfield-{key}"
        st.download_button(
            "Data as CSV", lambda: data.to_csv(index=False).encode(), f"{name}.csv", "text/csv", key=f"{key}-csv", on_click="ignore"
        )
        st.download_button(
            "Data as Parquet",
            lambda: _parquet(data),
            f"{name}.parquet",
            "application/vnd.apache.parquet",
            key=f"{key}-parquet",
            on_click="ignore",
        )


def _parquet(data: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    data.to_parquet(buffer, index=False)
    return buffer.getvalue()


def counted(numbers: Mapping[str, int], unit: str) -> str:
    """How many of a unit each side has: "5 runs a side", or "TensorFlow 5 runs, PyTorch 4"."""
    different = set(numbers.values())
    if len(different) == 1:
        (n,) = different
        return f"{n:,} {unit}{'' if n == 1 else 's'} a side"
    return ", ".join(f"{name} {n:,} {unit}{'' if n == 1 else 's'}" for name, n in numbers.items())


def per_side(rows: pd.DataFrame, sides: Mapping[str, Look], column: str, unit: str) -> str:
    """How many different values of a column each side has, as `counted` says it."""
    numbers = rows.groupby("side")[column].nunique()
    return counted({side.name: int(numbers.get(label, 0)) for label, side in sides.items()}, unit)
