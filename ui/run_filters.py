"""Which runs the page Runs shows: everything that is chosen here stands in the URL."""

from collections.abc import Mapping, Sequence

import streamlit as st

from levelfield.report.titles import workload_title
from levelfield.result import Status
from levelfield.store import StudyRecord
from levelfield.store.browsing import Choices, Filters
from ui.look import plain

PAGE = "page"  # the number of the page, in the URL
SCOPES = {"study": "This study", "all": "All studies"}


def chosen(found: Choices, study: StudyRecord) -> Filters:
    """The boxes, and what they say. A change leads back to the first page."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scope = st.segmented_control(
            "Runs of",
            list(SCOPES),
            default="study",
            required=True,
            format_func=SCOPES.__getitem__,
            key="scope",
            bind="query-params",
            on_change=first_page,
        )
        days = {
            name: st.date_input(
                label, None, found.first, found.last, key=name, bind="query-params", format="YYYY-MM-DD", width=150, on_change=first_page
            )
            for name, label in (("since", "Begun from (UTC)"), ("until", "to"))
        }
    with st.container(horizontal=True):
        workloads = _several("Workload", "workload", found.workloads, {name: workload_title(name) for name in found.workloads})
        sides = _several("Framework or side", "side", found.sides)
        tracks = _several("Track", "track", found.tracks)
        statuses = _several("Status", "status", found.statuses)
    return Filters(
        studies=(study.id,) if scope == "study" else (),
        workloads=workloads,
        sides=sides,
        tracks=tracks,
        statuses=statuses,
        **days,
    )


def first_page() -> None:
    """What was on this page is not what will be on it."""
    st.session_state[PAGE] = 1


def counted(found: Mapping[Status, int]) -> str:
    """How many runs there are, by status, in words."""
    total = sum(found.values())
    parts = ", ".join(f"{number:,} {status}" for status, number in found.items())
    return f"{total:,} run{'' if total == 1 else 's'}{f': {parts}' if parts else ''}."


def _several(label: str, name: str, options: Sequence[str], titles: Mapping[str, str] | None = None) -> tuple[str, ...]:
    def told(option: str) -> str:
        return plain((titles or {}).get(option, option))

    picked = st.multiselect(
        label, options, key=name, bind="query-params", format_func=told, placeholder="all", on_change=first_page, width="stretch"
    )
    return tuple(picked)
