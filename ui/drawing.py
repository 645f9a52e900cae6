"""A chart on a page: the figure, what it rests on, and its export."""

import io
from collections.abc import Callable

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from levelfield.charts.style import CONFIG
from ui.look import div

FORMATS = {"PNG": "png", "SVG": "svg"}


def chart(figure: go.Figure, key: str, data: pd.DataFrame, *, basis: str, note: str = "") -> None:
    """Draw a figure. ``data`` is what it shows, for export; ``basis`` (see `levelfield.charts.basis`) and ``note`` stand under it."""
    title = figure.layout.title.text or key
    form = st.session_state.get(f"{key}-image", "PNG")
    image = {"format": FORMATS.get(form, "png"), "filename": f"levelfield-{key}", "scale": 2}
    st.plotly_chart(figure, config={**CONFIG, "toImageButtonOptions": image}, key=key, alt=title)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(div("lf-soft", " ".join(filter(None, (note, basis)))), width="stretch")
        _export(key, data, form)


def _export(key: str, data: pd.DataFrame, form: str) -> None:
    with st.popover("Export", type="tertiary"):
        st.segmented_control("Image", list(FORMATS), default=form, required=True, key=f"{key}-image")
        st.html(div("lf-soft", f"The camera above the chart saves it as {form}."))
        downloads(key, lambda: data)


def downloads(key: str, data: Callable[[], pd.DataFrame]) -> None:
    """Buttons for data as CSV and as Parquet, which are made when somebody asks for them."""
    name = f"levelfield-{key}"
    st.download_button(
        "Data as CSV", lambda: data().to_csv(index=False).encode(), f"{name}.csv", "text/csv", key=f"{key}-csv", on_click="ignore"
    )
    st.download_button(
        "Data as Parquet",
        lambda: _parquet(data()),
        f"{name}.parquet",
        "application/vnd.apache.parquet",
        key=f"{key}-parquet",
        on_click="ignore",
    )


def _parquet(data: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    data.to_parquet(buffer, index=False)
    return buffer.getvalue()
