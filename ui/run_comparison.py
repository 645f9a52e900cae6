"""Runs of any studies side by side, on the page Runs."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape

import pandas as pd
import streamlit as st

from levelfield.charts import learning, phases
from levelfield.charts.style import Look, looks
from levelfield.report.model import Side
from levelfield.report.side_by_side import Member, Row, members, said, settings, values
from levelfield.report.unequal import listed
from levelfield.store.frames import StudyFrames, load_runs
from ui.choosing import switch
from ui.drawing import chart
from ui.look import chips, div, dot, plain, row, table
from ui.run_table import choose, chosen
from ui.sections import LOG_LINES, heading

MOST = 8  # runs that fit beside each other


def comparison(url: str) -> None:
    """The runs that the URL names, from two on; with fewer, how to choose them."""
    wanted = chosen()
    heading("Side by side", "Mark runs in the first column of the table; the choice stays while you look at other pages and studies.")
    if not wanted:
        return
    frames = load_runs(wanted[:MOST], url)
    found = members(frames)
    _choice(wanted, found)
    if len(found) < 2:
        st.html(div("", "A second run is needed to compare." if found else ""))
        return
    _compare(found, frames)


def _choice(wanted: Sequence[int], found: Sequence[Member]) -> None:
    """What is chosen, and what of it is not shown."""
    if missing := [run_id for run_id in wanted[:MOST] if run_id not in {member.run.run_id for member in found}]:
        gone = f"run {missing[0]} is" if len(missing) == 1 else f"the runs {listed(list(map(str, missing)))} are"
        st.warning(plain(f"{gone[0].upper()}{gone[1:]} not in this store; it may have been deleted."))
    if len(wanted) > MOST:
        st.warning(plain(f"{len(wanted)} runs are chosen; the first {MOST} are compared."))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.html(div("", f"Chosen: {', '.join(member.name for member in found) or 'none that is there'}."), width="stretch")
        st.button("Clear", on_click=choose, args=([],))


def _compare(found: Sequence[Member], frames: Sequence[StudyFrames]) -> None:
    look = _looks(found)
    header = ["", *(dot(one.name, one.colour) for one in look.values())]
    st.html(table("lf-facts", header, _rows(settings(found))))
    st.html(table("lf-facts", header, _rows(values(found), mark=False)))
    _phases(found, frames, look)
    _curves(found, frames, look)
    _differences(found, header)
    for member in found:
        _failure(member)


def _looks(found: Sequence[Member]) -> dict[str, Look]:
    """Each run is drawn as a side of its own, in its framework's colour."""
    return looks(Side(label=_label(member.run.run_id), title=member.name, framework=member.run.framework) for member in found)


def _label(run_id: int) -> str:
    return f"run {run_id}"


def _rows(rows: Iterable[Row], *, mark: bool = True) -> Iterable[str]:
    for one in rows:
        yield row(escape(one.name), map(escape, one.cells), kind="lf-differs" if mark and one.differs else "")


def _as_sides(parts: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Rows of the runs of several studies, each run as a side of its own."""
    whole = pd.concat(list(parts), ignore_index=True)
    return whole.assign(side=[_label(run_id) for run_id in whole["run_id"]])


def _phases(found: Sequence[Member], frames: Sequence[StudyFrames], look: Mapping[str, Look]) -> None:
    runs = _as_sides(one.runs for one in frames)
    figure = phases.phases(runs, look)
    figure.update_layout(title_text="Phases of each run")
    columns = ["run_id", "seed", *(name for name in runs if str(name).startswith("phase_")), "wall_s"]
    chart(figure, "compared-phases", runs[columns], basis=_basis(found), note="The vertical mark is the total wall clock.")
    st.html(chips(phases.phase_colours(figure)))


def _curves(found: Sequence[Member], frames: Sequence[StudyFrames], look: Mapping[str, Look]) -> None:
    points = _as_sides(learning.points(one.epochs, one.runs, one.steps, one.study.study) for one in frames)
    if points.empty:
        st.html(div("lf-soft", "None of them has completed an epoch."))
        return
    figure = learning.learning(points, look, measure=switch("measure", learning.MEASURES), clock="epoch")
    chart(figure, "compared-learning", points, basis=_basis(found))


def _basis(found: Sequence[Member]) -> str:
    tracks = list(dict.fromkeys(member.run.track for member in found))
    track = f"track {tracks[0]}" if len(tracks) == 1 else f"tracks {listed(tracks)}"
    return f"{len(found)} single runs, so no interval; {track}; certificates speak of studies, not of runs."


def _differences(found: Sequence[Member], header: Sequence[str]) -> None:
    """In what they and their machines differ, and the names of what is the same."""
    rows = said(found)
    different, same = [one for one in rows if one.differs], [one for one in rows if not one.differs]
    heading("In what they differ", "What the workers said of themselves, of the work that was done and of their machines.")
    if different:
        cells = (row(f"{escape(one.name)} <small>{escape(one.group)}</small>", map(escape, one.cells)) for one in different)
        st.html(table("lf-facts", header, cells))
    else:
        st.html(div("", "In nothing that is recorded."))
    if same:
        st.html(div("lf-soft", f"{len(same)} aspects are the same: {listed([one.name for one in same])}."))


def _failure(member: Member) -> None:
    run = member.run
    if run.failure_reason is None:
        return
    with st.expander(plain(f"{member.name}: {run.status}. {run.failure_reason.strip().partition(chr(10))[0][:160]}")):
        st.html(div("", run.failure_reason))
        if run.failure_log_tail:
            st.html(div("lf-soft", "Last lines of its log"))
            st.code("\n".join(run.failure_log_tail.splitlines()[-LOG_LINES:]), language=None, wrap_lines=True)
        else:
            st.html(div("lf-soft", "No log was recorded for it."))
