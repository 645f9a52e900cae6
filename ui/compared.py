"""What was compared: settings, versions, machine and fingerprints, and what each worker says of itself, side by side."""

from collections.abc import Iterable, Mapping
from html import escape

import streamlit as st

from levelfield.report.facts import facts, side_by_side
from ui.look import dot, row, table
from ui.sections import heading
from ui.visit import Shown

TOLD = {"description": "What each worker says of itself", "environment": "Where each side ran"}


def compared(shown: Shown) -> None:
    """The section for one case."""
    case, frames = shown.workload.case, shown.opened.frames
    heading("What was compared")
    st.html(table("lf-facts", ["", ""], (row(escape(key), [escape(value)]) for key, value in facts(case, frames, shown.analysis))))
    for part, title in TOLD.items():
        if told := side_by_side(case, frames.runs, shown.sides, part):
            with st.expander(title):
                sides = [shown.sides[label] for label in told]
                st.html(table("lf-facts", ["", *(dot(side.name, side.colour) for side in sides)], _rows(told)))


def _rows(told: Mapping[str, Mapping[str, str]]) -> Iterable[str]:
    """A row for each thing that any side tells; marked where they tell different things."""
    for key in dict.fromkeys(key for said in told.values() for key in said):
        cells = [said.get(key, "not told") for said in told.values()]
        yield row(escape(key), map(escape, cells), kind="lf-differs" if len(set(cells)) > 1 else "")
