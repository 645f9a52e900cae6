"""The report in words: verdict, table, and what did not go well. Figures and sentences come from `levelfield.report`."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import streamlit as st

from levelfield.charts.style import Look
from levelfield.report.model import Comparison, Incident, Label, Side, WorkloadAnalysis
from levelfield.report.tables import CAPTION, Cell, notes, workload_tables
from ui.look import div, dot, plain, row, table, with_code
from ui.unequal import unequal
from ui.visit import Shown

OPENABLE = 20  # failures that can be opened; all of them are listed
LOG_LINES = 40
KINDS = {"A/A": "lf-info", "certified": "lf-good"}
# What a label means, and what would change it.
MEANINGS = {
    "certified": "Step by step, tensor by tensor, with the code that ran: the page Parity has all of it.",
    "preliminary": "From so few pairs the spread is itself only roughly known. Ten pairs (more seeds in the study) remove this label.",
    "unverified": "Both sides were given the same weights, batches and equations, but no step-by-step check says that the code that ran "
    "computes the same function, so part of a difference may come from that. "
    "A certificate that passes for this code, batch size, learning rate and data removes this label.",
    "not aligned": "That is what this track asks. What the framework itself changes is the question of the track `matched`.",
    "unverified source": "Both sides read the same data, so they can be compared, but figures from elsewhere may rest on other examples. "
    "`levelfield data fetch` brings the official files.",
    "own data": "Both sides read the same data, so they can be compared; figures from elsewhere rest on other examples.",
    "made-up data": "A folder of real images in the place of the made-up ones removes this label: docs/workloads.md.",
    "outside reference": "Runs with these settings reached other accuracies before, in all but 1 of 100 cases: look for what has changed.",
    "unequal resources": "Threads or cores that one side took beyond what both were given may have made it faster.",
    "not idle": "What a side does while it waits slows the other one down: the ratio favours it.",
    "not watched": "If something else was at work on the machine, some of a difference may be its doing. The noise gate watches the host "
    "of the orchestrator; `--no-gate` turns it off.",
    "undecided": "A study cannot be continued beyond its maximum without being wrong more often. A new one with more pairs may decide.",
    "incomplete": "What is missing may change the result. `levelfield resume {study}` runs what is left.",
}


def heading(text: str, caption: str = "") -> None:
    """The beginning of a section."""
    st.html(f'<div class="lf lf-h2">{escape(text)}</div>' + (div("lf-soft", caption) if caption else ""))


def headline(shown: Shown) -> None:
    """What was compared, or why nothing was."""
    st.html(div("lf-verdict", shown.workload.title if shown.workload.comparisons else _alone(shown.workload)))


def badges(shown: Shown) -> None:
    """What weakens the answer, and why; and that a certificate stands behind it."""
    study, comparisons = shown.analysis.study_id, shown.workload.comparisons
    if not comparisons:
        _labels(shown.analysis.labels, study)
    for at, comparison in enumerate(comparisons):
        if len(comparisons) > 1:
            st.html(div("lf-soft", f"{comparison.a.title} / {comparison.b.title}"))
        _labels([*_certified(comparison), *comparison.labels, *_against_itself(comparison)], study, short=at > 0)


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


def _certified(comparison: Comparison) -> Iterable[Label]:
    if (found := comparison.certificate) and found.passed:
        yield Label(name="certified", why=found.verdict)


def _against_itself(comparison: Comparison) -> Iterable[Label]:
    """A comparison of a program with itself shows what the measurement alone makes of nothing."""
    if _program(comparison.a) == _program(comparison.b):
        yield Label(name="A/A", why="both sides are the same program, so whatever differs is noise of the measurement")


def _program(side: Side) -> tuple[str | None, ...]:
    return side.framework, side.mode, side.precision


def _labels(labels: Iterable[Label], study: str, *, short: bool = False) -> None:
    if found := "".join(_label(label, study, short=short) for label in labels):
        st.html(found)


def _label(label: Label, study: str, *, short: bool) -> str:
    kind = KINDS.get(label.name, "lf-warn")
    meaning = "" if short else MEANINGS.get(label.name, "").format(study=study)
    why = f"{label.why[:1].upper()}{label.why[1:]}."
    badge = f'<span class="lf-badge {kind}" title="{escape(label.why)}">{escape(label.name)}</span>'
    return f'<div class="lf lf-label">{badge}<span>{escape(why)} <small>{with_code(meaning)}</small></span></div>'


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
                st.code("\n".join(str(text).splitlines()[-LOG_LINES:]), language=None, wrap_lines=True)
        if not failure.get("log_tail"):
            st.html(div("lf-soft", "No log was recorded for it."))


def _first_line(reason: str) -> str:
    lines: Sequence[str] = reason.strip().splitlines()
    return f"{lines[0][:160]}{' ...' if len(reason) > len(lines[0][:160]) else ''}" if lines else ""
