"""What this visit shows: the store, the study and the case that the URL names, or the newest and the first."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import streamlit as st

from levelfield.charts.style import Look, looks
from levelfield.report.model import Analysis, WorkloadAnalysis
from levelfield.report.tables import subtitle, track_line
from levelfield.report.titles import case_title
from levelfield.report.verdicts import TRACK
from levelfield.store import Store, StoreError, StudyRecord, default_url
from levelfield.store.reading import Stamp, stamps
from ui import look, states
from ui.reading import Opened, Shelf, open_study, read_shelf

STUDY, CASE = "study", "case"  # the names in the URL
_VISIT = "visit"
FOLLOW_S = 5


@dataclass(frozen=True, kw_only=True)
class Visit:
    """``shelf`` is None where ``error`` says why the store cannot be read; ``study`` is None where it holds none."""

    url: str
    shelf: Shelf | None = None
    study: StudyRecord | None = None
    error: StoreError | None = None


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A study and the case of it that a page shows; ``sides`` says how each side is drawn."""

    opened: Opened
    workload: WorkloadAnalysis
    sides: dict[str, Look]

    @property
    def analysis(self) -> Analysis:
        """The whole study, analysed."""
        return self.opened.analysis

    @property
    def key(self) -> str:
        """For the keys of what is drawn."""
        return f"{self.workload.name}-{self.workload.workers}"


def arrive() -> None:
    """Read the store and let the visitor choose a study, for the page that comes next."""
    url = default_url()
    try:
        shelf = read_shelf(url)
        found = Visit(url=url, shelf=shelf, study=_choose(shelf))
    except StoreError as error:
        found = Visit(url=url, error=error)
    st.session_state[_VISIT] = found


def here() -> Visit:
    """The visit that `arrive` has begun."""
    found: Visit = st.session_state[_VISIT]
    return found


def store() -> tuple[str, Shelf]:
    """The store's URL and its studies. Where it cannot be read, the page says why and ends."""
    found = here()
    if found.shelf is None:
        states.cannot_read(found.url, found.error or StoreError("it was not opened"))
        st.stop()
    return found.url, found.shelf


def study() -> Opened:
    """The chosen study, under its title. Where there is none, or no run of it has ended, the page says so and ends."""
    url, shelf = store()
    if (chosen := here().study) is None:
        states.nothing_yet(f"The store {shelf.name} holds no study")
        st.stop()
    try:
        opened = open_study(url, chosen.id, shelf.stamps.get(chosen.id, (0, 0, 0, 0)))
    except StoreError as error:
        states.cannot_read(url, error)
        st.stop()
    analysis = opened.analysis
    st.html(look.div("lf-study", analysis.title) + look.div("lf-title", track_line(analysis)) + look.div("lf-soft", subtitle(analysis)))
    states.progress(analysis)
    if analysis.recorded < analysis.planned:
        _follow(url, chosen.id, shelf.stamps.get(chosen.id))
    if not analysis.recorded:
        st.html(look.div("lf-verdict", "No run has ended yet"))
        st.stop()
    return opened


def case() -> Shown:
    """The chosen case of the chosen study: a workload with a number of workers."""
    opened = study()
    cases = {f"{one.name}-{one.workers}": one for one in opened.analysis.workloads}
    name = next(iter(cases))
    if len(cases) > 1:
        name, _ = pinned(CASE, list(cases), label="Workload", told=lambda option: case_title(cases[option].case))
    workload = cases[name]
    return Shown(opened=opened, workload=workload, sides=looks(side.side for side in workload.sides))


@st.fragment(run_every=FOLLOW_S)
def _follow(url: str, study_id: str, seen: Stamp | None) -> None:
    """Draw the page anew as soon as the study has come further."""
    with suppress(StoreError), Store.open(url, read_only=True) as opened:
        if stamps(opened).get(study_id) != seen:
            st.rerun()


def pinned(name: str, options: Sequence[str], *, label: str, told: Callable[[str], str]) -> tuple[str, str]:
    """A box whose choice stands in the URL as ``name`` and is kept from page to page: the choice, and what was asked for in vain."""
    kept = f"kept-{name}"
    wanted = st.query_params.get(name) or st.session_state.get(kept, "")
    found = wanted if wanted in options else next((option for option in options if wanted and option.startswith(wanted)), None)
    chosen = found or options[0]
    # The URL is the one truth: a link, the browser's back button and the box all end here.
    st.session_state[name] = st.session_state[kept] = chosen
    st.selectbox(label, options, format_func=told, key=name, on_change=_to_url, args=(name,))
    st.query_params[name] = chosen
    return chosen, "" if found else wanted


def _to_url(name: str) -> None:
    st.query_params[name] = st.session_state[name]


def _choose(shelf: Shelf) -> StudyRecord | None:
    studies = {record.id: record for record in shelf.studies}
    if not studies:
        return None
    with st.sidebar:
        chosen, missing = pinned(STUDY, list(studies), label="Study", told=partial(_option, shelf, studies))
    if missing:
        st.warning(look.plain(f"There is no study {missing} in this store; it may have been deleted. This is the newest."))
    return studies[chosen]


def _option(shelf: Shelf, studies: dict[str, StudyRecord], name: str) -> str:
    record = studies[name]
    recorded = sum(shelf.counts.get(name, {}).values())
    runs = f"{recorded} runs" if recorded == record.planned_runs else f"{recorded} of {record.planned_runs} runs"
    track = f"track {record.study.get('track') or TRACK}"
    return f"{record.study.get('title') or record.name} ({track}, {record.created_at:%Y-%m-%d %H:%M} UTC, {runs})"
