"""Which runs the page Runs shows: everything that is chosen here stands in the URL."""

from collections.abc import Mapping, Sequence
from datetime import date

import streamlit as st

from levelfield.report.titles import workload_title
from levelfield.result import Status
from levelfield.store import StudyRecord
from levelfield.store.browsing import Choices, Filters
from ui.choosing import several, switch

SCOPES = {"study": "This study", "all": "All studies"}


def chosen(found: Choices, study: StudyRecord) -> Filters:
    """The boxes, and what they say."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        scope = switch("scope", SCOPES)
        since, until = (_day(found, name, label) for name, label in (("since", "Begun from (UTC)"), ("until", "to")))
    with st.container(horizontal=True):
        workloads = several("workload", {name: workload_title(name) for name in found.workloads}, label="Workload")
        sides = several("side", _same(found.sides), label="Framework or side")
        tracks = several("track", _same(found.tracks), label="Track")
        statuses = several("status", _same(found.statuses), label="Status")
    return Filters(
        studies=(study.id,) if scope == "study" else (),
        workloads=workloads,
        sides=sides,
        tracks=tracks,
        statuses=statuses,
        since=since,
        until=until,
    )


def counted(found: Mapping[Status, int]) -> str:
    """How many runs there are, by status, in words."""
    total = sum(found.values())
    parts = ", ".join(f"{number:,} {status}" for status, number in found.items())
    return f"{total:,} run{'' if total == 1 else 's'}{f': {parts}' if parts else ''}."


def _day(found: Choices, name: str, label: str) -> date | None:
    """A day on which runs of the store began, or None."""
    day = st.date_input(label, None, found.first, found.last, key=name, bind="query-params", format="YYYY-MM-DD", width=150)
    return day if isinstance(day, date) else None


def _same(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}
