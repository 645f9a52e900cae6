"""The runs themselves: one page of them, of which some are chosen to be compared."""

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from levelfield.report.formats import MIB
from levelfield.result import Status
from levelfield.store import Store
from levelfield.store.browsing import Filters, Order, RunLine, Trouble, page, troubles
from ui.choosing import box, page_of, switch
from ui.drawing import downloads
from ui.look import div
from ui.sections import heading

ROWS = 50
EVERY = 1_000_000
LARGEST = 2**31 - 1  # id that a database holds
LISTED = 100  # runs that did not end well
CHOSEN = "runs"  # the ids in the URL
_SEEN, _TURN = "runs-seen", "runs-turn"
ORDERS = {
    Order.STARTED: "start",
    Order.STUDY: "study",
    Order.WORKLOAD: "workload",
    Order.SIDE: "side",
    Order.SEED: "seed",
    Order.ATTEMPT: "attempt",
    Order.STATUS: "status",
    Order.WALL: "wall clock",
    Order.THROUGHPUT: "throughput",
    Order.ACCURACY: "accuracy",
    Order.MEMORY: "memory",
}
WAYS = {"down": "Descending", "up": "Ascending"}
COLUMNS = {
    "run": st.column_config.NumberColumn("Run", format="%d", width=62),
    "started": st.column_config.DatetimeColumn("Started (UTC)", format="YYYY-MM-DD HH:mm", timezone="UTC", width=132),
    "study": st.column_config.TextColumn("Study", width=150),
    "workload": st.column_config.TextColumn("Workload", width=118),
    "side": st.column_config.TextColumn("Side", width=92),
    "seed": st.column_config.NumberColumn("Seed", format="%d", width=56),
    "status": st.column_config.TextColumn("Status", width=76),
    "throughput_examples_per_s": st.column_config.NumberColumn("Examples/s", format="%,.0f", width=92),
    "test_accuracy": st.column_config.NumberColumn("Accuracy", format="percent", width=82),
    "wall_s": st.column_config.NumberColumn("Wall clock, s", format="%.1f", width=96),
    "peak_memory_mib": st.column_config.NumberColumn("Memory, MiB", format="%,.0f", width=100),
    "attempt": st.column_config.NumberColumn("Attempt", format="%d", width=72),
    "track": st.column_config.TextColumn("Track", width=80),
}
REASON = {"reason": st.column_config.TextColumn("Why", width=420)}


def table(store: Store, filters: Filters, counts: Mapping[Status, int]) -> None:
    """A page of the runs that are meant, in the order that is asked for."""
    total = sum(counts.values())
    if not total:
        st.html(div("", "No run is like that. Take a filter away, or look at all studies."))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order, way = Order(box("sort", ORDERS, label="Sort by")), switch("way", WAYS)
        number = page_of("page", -(-total // ROWS), of=(filters, order, way))
    shown = page(store, filters, order=order, descending=way == "down", first=ROWS * (number - 1), limit=ROWS)
    _rows(shown, [name for name in COLUMNS if name != "study" or not filters.studies])


def chosen() -> list[int]:
    """The ids of the runs that the URL names, each once; what is no number is left out."""
    parts = st.query_params.get(CHOSEN, "").split(",")
    return list(dict.fromkeys(int(part) for part in parts if part.strip().isdecimal() and int(part) <= LARGEST))


def choose(run_ids: Sequence[int]) -> None:
    """Let the URL name these runs, and the table show them as chosen."""
    if run_ids:
        st.query_params[CHOSEN] = ",".join(map(str, run_ids))
    else:
        st.query_params.pop(CHOSEN, None)


def data(lines: Sequence[RunLine]) -> pd.DataFrame:
    """A row for each run, for the table and for export."""
    rows = [
        {
            "run": line.run_id,
            "started": line.started_at,
            "study": line.study_id,
            "workload": _case(line.workload, line.workers),
            "side": line.side,
            "seed": line.seed,
            "status": str(line.status),
            "throughput_examples_per_s": line.throughput,
            "test_accuracy": line.accuracy,
            "wall_s": line.wall_s,
            "peak_memory_mib": None if line.memory_bytes is None else line.memory_bytes / MIB,
            "attempt": line.attempt,
            "track": line.track,
        }
        for line in lines
    ]
    numbers = ("wall_s", "throughput_examples_per_s", "test_accuracy", "peak_memory_mib")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(numbers, "float64"))


def export(url: str, filters: Filters) -> None:
    """All runs that are meant, not only those of the page; read when somebody asks for them."""

    def every() -> pd.DataFrame:
        with Store.open(url, read_only=True) as store:
            return data(page(store, filters, limit=EVERY))

    with st.popover("Export", type="tertiary"):
        st.html(div("lf-soft", "All of these runs, on every page."))
        downloads("runs", every)


def unwell(store: Store, filters: Filters, counts: Mapping[Status, int]) -> None:
    """The runs that did not end well, each with its reason."""
    number = sum(count for status, count in counts.items() if status is not Status.OK)
    heading("What did not go well", "" if number else "Every one of these runs ended well.")
    if not number:
        return
    if number > LISTED:
        st.html(div("lf-soft", f"The newest {LISTED} of {number:,}; filters narrow them down."))
    shown = ["run", "status", "reason", "side", "seed", "attempt", "workload", "started", "study"]
    st.dataframe(_trouble_data(troubles(store, filters, limit=LISTED)), column_config=COLUMNS | REASON, column_order=shown, hide_index=True)


def _rows(lines: Sequence[RunLine], columns: Sequence[str]) -> None:
    """Those of the page that are chosen are marked. A choice on this page leaves that on the others as it is."""
    before = chosen()
    if st.session_state.get(_SEEN) != before:  # somebody else than this table has changed it: the URL, or a button
        st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    ids = [line.run_id for line in lines]
    marked = [at for at, run_id in enumerate(ids) if run_id in before]
    event = st.dataframe(
        data(lines),
        column_config=COLUMNS,
        column_order=columns,
        hide_index=True,
        height=460,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": marked}},
        key=f"table-{st.session_state.get(_TURN, 0)}-{hash(tuple(ids))}",
    )
    now = [ids[at] for at in event.selection.rows if at < len(ids)]
    after = [run_id for run_id in before if run_id not in ids or run_id in now] + [run_id for run_id in now if run_id not in before]
    if after != before:
        choose(after)
    st.session_state[_SEEN] = after


def _trouble_data(found: Sequence[Trouble]) -> pd.DataFrame:
    rows = [
        {
            "run": one.run_id,
            "started": one.started_at,
            "study": one.study_id,
            "workload": _case(one.workload, one.workers),
            "side": one.side,
            "seed": one.seed,
            "attempt": one.attempt,
            "status": str(one.status),
            "reason": " ".join(one.reason.split()),
        }
        for one in found
    ]
    return pd.DataFrame(rows)


def _case(workload: str, workers: int) -> str:
    """Short, for a narrow column."""
    return workload if workers == 1 else f"{workload} x {workers}"
