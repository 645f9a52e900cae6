"""The queue, and what is at work now, as the store tells it; drawn anew every few seconds. Nothing here asks a measured process."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from levelfield.holders import is_gone
from levelfield.leases import Claim
from levelfield.planning import words
from levelfield.store import Store, StoreError, requesting, serving, watching
from levelfield.store.requesting import WHOLE, Request
from ui import asking, look, states
from ui.live import choose_measure, curves
from ui.permission import Visitor

REFRESH_S = 5.0  # a look costs some 0.1 s of a core, half of it Streamlit's own, and a browser more: the same machine may be measuring
SHOWN, OVER = 5, 5  # requests with their curves, and ended ones; more are lines of a table
_STOPPING = "launch-stopping"
COST = f"Read again every {REFRESH_S:.0f} s. Where the same machine measures, look seldom: each look takes some of its time."


@dataclass(frozen=True, kw_only=True)
class Scene:
    """What the store says at one moment. ``lost``: requests, by id, whose taker has ended; ``newest``: by study, its newest run."""

    leader: Claim | None
    requests: Sequence[Request]
    lost: Collection[int]
    ended: Sequence[Request]
    done: Mapping[str, int]
    newest: Mapping[str, int]
    stored: Collection[str]


def look_at(url: str) -> Scene:
    """Raises StoreError."""
    with Store.open(url, read_only=True) as store:
        open_ones, over = requesting.unfinished(store), requesting.ended(store, OVER)
        names = {one.study_id for one in (*open_ones, *over)}
        return Scene(
            leader=serving.scheduler(store),
            requests=open_ones,
            lost={one.id for one in open_ones if one.taker and not requesting.is_alive(one, is_gone)},
            ended=over,
            done=watching.done(store, names),
            newest=watching.newest(store, names),
            stored=watching.stored(store, names),
        )


def scheduler(scene: Scene | None) -> None:
    """Whether somebody will take up what is asked for."""
    if scene is None:
        return
    if leader := scene.leader:
        since = f" since {leader.acquired_at:%Y-%m-%d %H:%M} UTC" if leader.acquired_at else ""
        who = f"process {leader.holder.pid} on {leader.holder.hostname}{since}"
        st.html(_label("lf-good", "served", f"A scheduler takes up what is asked for: {who}."))
        return
    told = "No `levelfield serve` serves this store now. What is asked for waits until one does."
    st.html(_label("lf-warn", "not served", told))


def watch(url: str, visitor: Visitor) -> None:
    """The queue, until the visitor looks at something else."""
    st.fragment(_watch, run_every=REFRESH_S)(url, visitor)


def _watch(url: str, visitor: Visitor) -> None:
    try:
        _draw(look_at(url), url, visitor)
    except StoreError as error:
        st.html(_label("lf-warn", "away", f"{error}. It is tried again every {REFRESH_S:.0f} s."))
    except Exception as error:  # noqa: BLE001 - of a part that is drawn anew by itself the page would show the traceback
        asking.LOG.exception("the queue cannot be shown")
        states.broken(error)


def _draw(scene: Scene, url: str, visitor: Visitor) -> None:
    scheduler(scene)
    _answer()
    if not scene.requests:
        st.html(look.div("lf-soft", "Nothing is under way, and nothing waits."))
    if any(entry["what"] == "run" for one in scene.requests for entry in one.progress):
        choose_measure()
    first = sorted(scene.requests, key=lambda one: (one.study_id != st.session_state.get(asking.FOLLOWED), not one.progress))
    for one in first[:SHOWN]:
        with st.container(border=True):
            _request(one, scene, url, visitor)
    if rest := first[SHOWN:]:
        _rest(rest, scene)
    if scene.ended:
        _ended(scene)
    st.html(look.div("lf-soft", COST))


def _answer() -> None:
    if told := st.session_state.get(asking.ANSWER):
        st.warning(look.plain(told))


def _request(one: Request, scene: Scene, url: str, visitor: Visitor) -> None:
    record = one.record
    title = str(record.study.get("title") or record.name)
    st.html(f'<div class="lf"><b>{escape(title)}</b> <span class="lf-soft">{escape(one.study_id)}</span></div>')
    state = words.state(one, is_lost=one.id in scene.lost)
    asked = f"asked for by {one.asked_by} at {one.asked_at:%H:%M} UTC, priority {one.priority}"
    st.html(f'<div class="lf">{look.with_code(state[:1].upper() + state[1:])} <span class="lf-soft">\u00b7 {escape(asked)}</span></div>')
    done = scene.done.get(one.study_id, 0)
    st.progress(min(1.0, done / max(1, record.planned_runs)), text=f"{done:,} of {record.planned_runs:,} runs done")
    _at_work(one)
    curves(url, one, scene.newest.get(one.study_id, 0))
    _links(one, scene, url, visitor)


def _at_work(one: Request) -> None:
    rows = [
        look.row(escape(words.what(entry)), [escape(words.progress(entry)), escape(f"since {str(entry['since'])[11:19]} UTC")])
        for entry in one.progress[:20]
    ]
    if rows:
        st.html(look.table("lf-facts", [], rows))
    if len(one.progress) > 20:
        st.html(look.div("lf-soft", f"and {len(one.progress) - 20} more at work"))


def _links(one: Request, scene: Scene, url: str, visitor: Visitor) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        if one.study_id in scene.stored:
            st.page_link("views/verdict.py", label="Open the study \u2192", query_params={"study": one.study_id})
        if one.stop.get(WHOLE):
            return
        if visitor.refusal:
            st.html(f'<div class="lf lf-soft">{look.with_code(f"`levelfield cancel {one.study_id}` stops it.")}</div>', width="content")
        elif st.session_state.get(_STOPPING) != one.id:
            st.button("Stop ...", key=f"stop-{one.id}", on_click=_ask_to_confirm, args=(one.id,))
        else:
            st.html(look.div("", "Stop it? What is done stays."), width="content")
            st.button("Yes, stop it", key=f"stop-yes-{one.id}", type="primary", on_click=_stop, args=(url, one.id))
            st.button("No", key=f"stop-no-{one.id}", on_click=_ask_to_confirm, args=(None,))


def _ask_to_confirm(request_id: int | None) -> None:
    st.session_state[_STOPPING] = request_id


def _stop(url: str, request_id: int) -> None:
    _ask_to_confirm(None)
    asking.on_stop(url, request_id)


def _rest(rest: Sequence[Request], scene: Scene) -> None:
    rows = [
        look.row(
            escape(one.study_id),
            [
                str(one.priority),
                escape(one.asked_by),
                f"{one.asked_at:%m-%d %H:%M}",
                look.with_code(words.state(one, is_lost=one.id in scene.lost)),
            ],
        )
        for one in rest[:50]
    ]
    st.html(look.table("lf-facts", ["study", "priority", "asked for by", "since (UTC)", "state"], rows))
    if len(rest) > 50:
        st.html(look.div("lf-soft", f"and {len(rest) - 50:,} more that wait"))


def _ended(scene: Scene) -> None:
    st.html('<div class="lf lf-h2">Over</div>')
    for one in scene.ended:
        with st.container(horizontal=True, vertical_alignment="center"):
            at = f"{one.finished_at:%m-%d %H:%M} UTC" if one.finished_at else ""
            told = f'<b>{escape(one.study_id)}</b> {look.with_code(one.outcome or "over")} <span class="lf-soft">{at}</span>'
            st.html(f'<div class="lf">{told}</div>', width="stretch")
            if one.study_id in scene.stored:
                st.page_link("views/verdict.py", label="Open it \u2192", query_params={"study": one.study_id})


def _label(kind: str, badge: str, told: str) -> str:
    return f'<div class="lf lf-label"><span class="lf-badge {kind}">{escape(badge)}</span><span>{look.with_code(told)}</span></div>'
