"""Where a study is composed, asked for, watched while it runs, and stopped."""

import streamlit as st

from levelfield.services import ServiceError, discover
from levelfield.store import StoreError
from ui import asking, launching, login, look, states, underway, visit
from ui.permission import Visitor, visitor


def main() -> None:
    """The page."""
    here = visit.here()
    if here.shelf is None and not states.is_missing(here.url):
        visit.store()  # says why it cannot be read
    st.html(look.div("lf-verdict", "Launch"))
    asker = visitor()
    if asker.providers:
        login.bar(asker)
    view = _view()
    if view == asking.COMPOSE:
        _compose(here, asker)
    elif here.shelf is None:
        st.html(look.div("lf-soft", "There is no store yet, so nothing is under way."))
    else:
        underway.watch(here.url, asker)


def _view() -> str:
    """What the page shows. The URL is the one truth: a link, a launch and the switch all end there."""
    wanted = st.query_params.get(asking.VIEW)
    st.session_state[asking.VIEW] = chosen = wanted if wanted in asking.VIEWS else asking.COMPOSE
    st.segmented_control("View", asking.VIEWS, required=True, key=asking.VIEW, on_change=_to_url, label_visibility="collapsed")
    st.query_params[asking.VIEW] = chosen
    return chosen


def _to_url() -> None:
    st.query_params[asking.VIEW] = st.session_state[asking.VIEW]


def _compose(here: visit.Visit, asker: Visitor) -> None:
    try:
        services = discover()
        scene = underway.look_at(here.url) if here.shelf else None
    except (ServiceError, StoreError) as error:
        st.warning(look.plain(f"No study can be composed now: {error}"))
        return
    if told := st.session_state.pop(asking.ANSWER, None):
        st.warning(look.plain(told))
    underway.scheduler(scene)
    found = launching.draft(services)
    stamps = here.shelf.stamps.values() if here.shelf else ()
    newest = max((stamp[1] for stamp in stamps), default=0), max((stamp[2] for stamp in stamps), default=0)
    served = scene is not None and scene.leader is not None
    launching.panel(found, here.url, exists=scene is not None, newest=newest, served=served, visitor=asker)


main()
