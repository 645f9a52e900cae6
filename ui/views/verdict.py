"""The home of a study: what it found, question by question, what weakens it, and what was not equal."""

from html import escape

import streamlit as st

from levelfield.charts import forest, overview
from levelfield.charts.basis import basis_of
from levelfield.report.analysis import analyse
from levelfield.report.answers import answers
from levelfield.report.failures import nothing_counts
from levelfield.report.tables import overall_lines
from ui import look, sections, visit
from ui.compared import compared
from ui.drawing import chart
from ui.reading import Opened
from ui.visit import Shown


def main() -> None:
    """The page."""
    shown = visit.case()
    why, *reasons = nothing_counts(shown.analysis) or [""]
    if why:
        st.html(look.div("lf-verdict", why) + look.listed(reasons))
    _overview(shown)
    if not why:
        sections.headline(shown)
    _answers(shown)
    sections.labels(shown)
    _ratios(shown)
    sections.inequality(shown)
    sections.figures(shown.workload, shown.sides)
    sections.troubles(shown)
    compared(shown)
    _to_go(shown)


def _to_go(shown: Shown) -> None:
    """The whole study as a file."""
    sections.heading("To take along", "Every chart above and on the other pages, in one file that needs no network.")
    study = shown.analysis.study_id
    st.download_button("Report as HTML", lambda: _as_html(shown.opened), f"levelfield-{study}.html", "text/html", on_click="ignore")
    st.html(f'<div class="lf lf-soft">{look.with_code(f"All raw values, for another store: `levelfield export {study}`.")}</div>')


def _as_html(opened: Opened) -> bytes:
    from levelfield.report.html import to_html  # only whoever asks for it waits for it

    return to_html(opened.frames, analyse(opened.frames)).encode()


def _overview(shown: Shown) -> None:
    """All workloads of the study, where there are several."""
    analysis = shown.analysis
    for line in overall_lines(analysis):
        st.html(look.div("lf-verdict lf-next", line))
    data = overview.data(analysis)
    if len(analysis.workloads) > 1 and len(data):
        fewest, most = data["pairs"].min(), data["pairs"].max()
        n = f"{most} pairs" if fewest == most else f"{fewest} to {most} pairs"
        basis = basis_of(n, None, analysis, interval="95% intervals, unadjusted")
        chart(overview.overview(analysis, shown.sides), "overview", data, basis=basis)


def _answers(shown: Shown) -> None:
    """One sentence for each question that the study can be asked, of every two sides."""
    for comparison in shown.workload.comparisons:
        if len(shown.workload.comparisons) > 1:
            st.html(look.div("lf-soft", f"{comparison.a.title} / {comparison.b.title}"))
        found = answers(comparison, shown.analysis, shown.workload.case)
        rows = [look.row(escape(one.question), [f"{look.mark(one.outcome)}{escape(one.sentence)}"]) for one in found]
        st.html(look.table("lf-answers", [], rows))


def _ratios(shown: Shown) -> None:
    """An interval plot for each comparison that has a ratio to show."""
    for at, comparison in enumerate(shown.workload.comparisons):
        data = forest.data(comparison)
        if len(data):
            figure = forest.forest(comparison, shown.analysis.margin, shown.sides)
            pairs = f"{comparison.pairs} pair{'' if comparison.pairs == 1 else 's'}"
            basis = basis_of(pairs, shown.workload, shown.analysis, interval="95% intervals, unadjusted")
            chart(figure, f"ratios-{shown.key}-{at}", data, basis=basis)


main()
