"""Switches over a chart, whose position stands in the URL."""

from collections.abc import Mapping

import streamlit as st


def switch(name: str, options: Mapping[str, str]) -> str:
    """One of ``options``, titles by value, under ``name`` in the URL; the first unless the visitor chose another one."""
    first = next(iter(options))
    chosen = st.segmented_control(
        name,
        list(options),
        default=first,
        required=True,
        format_func=lambda option: options[option].partition(" (")[0],
        key=name,
        bind="query-params",
        label_visibility="collapsed",
    )
    return chosen or first
