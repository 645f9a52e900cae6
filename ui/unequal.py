"""What is not equal between the two sides of a comparison, beside its result."""

from collections.abc import Iterable, Mapping
from html import escape

import streamlit as st

from levelfield.charts.style import Look
from levelfield.report.audit import Audit
from levelfield.report.model import Comparison
from levelfield.report.unequal import counted, listed, summary, unknown
from ui.look import div, dot, plain, row, table


def unequal(comparison: Comparison, look: Mapping[str, Look]) -> None:
    """One line that opens: every aspect in which the sides differ, and the names of those in which they do not."""
    audit = comparison.audit
    if not audit.known:
        st.html(div("lf-soft", unknown(comparison)))
        return
    with st.expander(plain(f"What is not equal: {summary(audit) if audit.differences else 'nothing that is reported'}")):
        if audit.differences:
            sides = [look[side.label] for side in (comparison.a, comparison.b)]
            st.html(table("lf-facts", ["", *(dot(side.name, side.colour) for side in sides)], _rows(audit)))
        st.html(div("lf-soft", f"{counted(audit).rstrip('.')}: {listed([same.aspect for same in audit.equal])}."))


def _rows(audit: Audit) -> Iterable[str]:
    for found in audit.differences:
        yield row(f"{escape(found.aspect)} <small>{escape(found.group)}</small>", map(escape, (found.a, found.b)))
