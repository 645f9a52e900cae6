"""The report in words: verdict, table, and what did not go well. Figures and sentences come from `levelfield.report`."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import streamlit as st

from levelfield.charts.style import Look
from levelfield.report import badges
from levelfield.report.model import Incident, WorkloadAnalysis
from levelfield.report.tables import CAPTION, Cell, notes, workload_tables
from levelfield.store.rows import whole
from ui.look import div, dot, plain, row, table, with_code
from ui.unequal import unequal
from ui.visit import Shown

OPENABLE = 20  # failures that can be opened; all of them are listed
LOG_LINES = 40


def heading(text: str, caption: str = "") -> None:
    """The beginning of a section."""
    st.html(f'<div class="lf lf-h2">{escape(text)}</div>' + (div("lf-soft", caption) if caption else ""))


def headline(shown: Shown) -> None:
    """What was compared, or why nothing was."""
    st.html(div("lf-verdict", shown.workload.title if shown.workload.comparisons else _alone(shown.workload)))


def labels(shown: Shown) -> None:
    """What weakens the answer, and why; and that a certificate stands behind it."""
    comparisons = shown.workload.comparisons
    if not comparisons:
        _badges(badges.of_study(shown.analysis))
    for at, comparison in enumerate(comparisons):
        if len(comparisons) > 1:
            st.html(div("lf-soft", f"{comparison.a.title} / {comparison.b.title}"))
        _badges(badges.badges(comparison, shown.analysis), short=at > 0)


def inequality(shown: Shown) -> None:
    """What was not equal between the sides of each comparison."""
    for comparison in shown.workload.comparisons:
        unequal(comparison, shown.sides)


def figures(workload: WorkloadAnalysis, look: Mapping[str, Look]) -> None:
    """The tables: a column for each side, every figure with its spread, and how the sides compare."""
    found = workload_tables(workload)
    if not found:
        st.html(div("", "No run has given a figure yet."))
        return
    dots = {shown.name: dot(shown.name, shown.colour) for shown in look.values()}
    for one in found:
        header = [dots.get(name, escape(name)) for name in one.header]
        rows = [row(escape(name), (cell(one) for one in cells)) for name, cells in one.rows]
        st.html(table("lf-figures", header, rows))
    st.html(div("lf-soft", CAPTION))


def troubles(shown: Shown) -> None:
    """Every run that did not end well, with the end of its log."""
    workload, found = shown.workload, shown.workload.incidents
    heading("What did not go well", "" if found or workload.duel_incidents else "Every recorded run ended well.")
    lines = notes(workload)
    listed = "".join(f"<li>{escape(line)}</li>" for line in lines if not any(_is_about(line, incident) for incident in found))
    if listed:
        st.html(f'<div class="lf"><ul>{listed}</ul></div>')
    for incident in found[:OPENABLE]:
        _failure(incident, shown.opened.failures.get((workload.case, incident.side.label, incident.seed, incident.attempt), {}))
    if rest := found[OPENABLE:]:
        rows = [row(escape(_incident(one)), [escape(one.reason)]) for one in rest]
        st.html(table("lf-facts", ["run", "reason"], rows))


def _alone(workload: WorkloadAnalysis) -> str:
    names = " and ".join(side.side.title for side in workload.sides)
    return f"{workload.title}: {names} alone. A verdict needs a second side: add one to `frameworks` in the study."


def _badges(found: Iterable[badges.Badge], *, short: bool = False) -> None:
    if text := "".join(_badge(badge, short=short) for badge in found):
        st.html(text)


def _badge(badge: badges.Badge, *, short: bool) -> str:
    shown = f'<span class="lf-badge lf-{badge.tone}" title="{escape(badge.why)}">{escape(badge.name)}</span>'
    meaning = "" if short else with_code(badge.meaning)
    return f'<div class="lf lf-label">{shown}<span>{escape(badge.why)} <small>{meaning}</small></span></div>'


def cell(found: Cell) -> str:
    """A cell of a table of figures, as HTML."""
    return f"<b>{escape(found[0])}</b><small>{escape(found[1])}</small>" if found[0] else ""


def _incident(incident: Incident) -> str:
    step = f" at step {incident.step}" if incident.step is not None else ""
    later = ", replaced by a later attempt" if incident.superseded else ""
    return f"{incident.side.title}, seed {incident.seed}, attempt {incident.attempt}: {incident.status}{step}{later}"


def _is_about(line: str, incident: Incident) -> bool:
    """Whether a note is the one on this run, which has an expander of its own."""
    return line.startswith(f"{incident.side.title}, seed {incident.seed}, attempt {incident.attempt}: ")


def _failure(incident: Incident, failure: Mapping[str, object]) -> None:
    with st.expander(plain(f"{_incident(incident)}. {_first_line(incident.reason)}")):
        st.html(div("", incident.reason))
        for name, title in (("log_tail", "Last lines of its log"), ("traceback", "Traceback")):
            if text := failure.get(name):
                st.html(div("lf-soft", title))
                st.code("\n".join(whole(str(text)).splitlines()[-LOG_LINES:]), language=None, wrap_lines=True)
        if not failure.get("log_tail"):
            st.html(div("lf-soft", "No log was recorded for it."))


def _first_line(reason: str) -> str:
    lines: Sequence[str] = reason.strip().splitlines()
    return f"{lines[0][:160]}{' ...' if len(reason) > len(lines[0][:160]) else ''}" if lines else ""
