"""The networks that both sides trained with one seed, test example by test example, under what they learned."""

from html import escape

import streamlit as st

from levelfield.report.model import WorkloadAnalysis
from levelfield.report.predictions import CAPTION, table, told
from ui import look


def networks(workload: WorkloadAnalysis) -> None:
    """For every comparison with predictions a paragraph, and a table that opens."""
    for comparison in workload.comparisons:
        for line in told(comparison):
            st.html(look.div("", line))
        if comparison.networks:
            shown = table(comparison, comparison.networks)
            rows = [look.row(escape(name), (escape(text) for text, _ in cells)) for name, cells in shown.rows]
            with st.expander(look.plain(f"Seed by seed: {comparison.a.title} / {comparison.b.title}")):
                st.html(look.table("lf-facts", [escape(title) for title in shown.header], rows))
                st.html(look.div("lf-soft", CAPTION))
