"""The report in the browser: ``streamlit run ui/app.py``."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import streamlit as st

from levelfield.report.model import WorkloadAnalysis
from levelfield.report.quantities import ACCURACY
from levelfield.report.tables import overall_lines, subtitle, track_line
from levelfield.report.verdicts import TRACK
from levelfield.store import StoreError, StudyRecord, default_url
from ui import look, panels, sections, states
from ui.compared import compared
from ui.parity import certificates
from ui.predictions import networks
from ui.reading import Opened, Shelf, open_study, read_shelf

PARAMETER = "study"
# A file of our own: Streamlit's icons come over the network.
ICON = Path(__file__).with_name("icon.svg")


def main() -> None:
    """The page."""
    st.set_page_config(page_title="Levelfield", page_icon=ICON, layout="wide")
    st.html(look.CSS)
    url = default_url()
    try:
        shelf = read_shelf(url)
        if not shelf.studies:
            _brand()
            states.nothing_yet(f"The store {shelf.name} holds no study")
            return
        study = _choose(shelf)
        opened = open_study(url, study.id, shelf.stamps.get(study.id, (0, 0, 0, 0)))
    except StoreError as error:
        _brand()
        states.cannot_read(url, error)
        return
    _report(opened)


def _brand() -> None:
    st.html('<div class="lf lf-brand">Levelfield</div><div class="lf lf-soft">frameworks compared on a level field</div>')


def _choose(shelf: Shelf) -> StudyRecord:
    """The study that the URL names, which the box changes; without one, or with one that is not there, the newest."""
    studies = {study.id: study for study in shelf.studies}
    wanted = st.query_params.get(PARAMETER, "")
    found = wanted if wanted in studies else next((name for name in studies if wanted and name.startswith(wanted)), None)
    chosen = found or next(iter(studies))
    # The URL is the one truth: a link, the browser's back button and the box all end here.
    st.session_state[PARAMETER] = chosen
    left, right = st.columns([1, 2], vertical_alignment="center")
    with left:
        _brand()
    with right:
        st.selectbox("Study", studies, format_func=partial(_option, shelf, studies), key=PARAMETER, on_change=_to_url)
    if wanted and not found:
        st.warning(sections.plain(f"There is no study {wanted} in this store; this is the newest."))
    st.query_params[PARAMETER] = chosen
    return studies[chosen]


def _to_url() -> None:
    st.query_params[PARAMETER] = st.session_state[PARAMETER]


def _option(shelf: Shelf, studies: Mapping[str, StudyRecord], name: str) -> str:
    study = studies[name]
    recorded = sum(shelf.counts.get(name, {}).values())
    runs = f"{recorded} runs" if recorded == study.planned_runs else f"{recorded} of {study.planned_runs} runs"
    track = f"track {study.study.get('track') or TRACK}"
    return f"{study.study.get('title') or study.name} ({track}, {study.created_at:%Y-%m-%d %H:%M} UTC, {runs})"


def _report(opened: Opened) -> None:
    analysis = opened.analysis
    st.html(look.div("lf-title", analysis.title) + look.div("lf-title", track_line(analysis)) + look.div("lf-soft", subtitle(analysis)))
    states.progress(analysis)
    if not analysis.recorded:
        st.html(look.div("lf-verdict", "No run has ended yet"))
        return
    for line in overall_lines(analysis):
        st.html(look.div("lf-verdict lf-next", line))
    sections.scaling(analysis)
    draw: Callable[[WorkloadAnalysis], None] = partial(_workload, opened)
    if len(analysis.workloads) == 1:
        draw(analysis.workloads[0])
        return
    for tab, workload in zip(st.tabs([look.plain(one.title) for one in analysis.workloads]), analysis.workloads, strict=True):
        with tab:
            draw(workload)


def _workload(opened: Opened, workload: WorkloadAnalysis) -> None:
    sides = look.looks(side.side for side in workload.sides)
    sections.verdict(workload, opened.analysis, sides)
    certificates(workload)
    sections.figures(workload, sides)
    panels.ratios(workload, opened.analysis.margin, sides)
    panels.duels(workload, opened.frames, opened.analysis.margin, sides)
    if ACCURACY.name in opened.analysis.quantities:
        panels.learning(workload.case, opened.frames, sides)
        networks(workload)
    panels.timing(workload.case, opened.frames, sides)
    sections.failures(workload, opened)
    compared(workload.case, opened, sides)


if __name__ == "__main__":
    main()
