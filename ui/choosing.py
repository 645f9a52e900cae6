"""Switches, boxes and pages whose choice stands in the URL by a short name, so that a link shows the same view, whatever the texts say.

Streamlit's own binding would put the shown texts there, in which counts and titles change.
"""

from collections.abc import Mapping

import streamlit as st

from ui.look import plain


def switch(name: str, options: Mapping[str, str], *, default: str | None = None) -> str:
    """One of a few ``options``, by the name in the URL; their values are what is shown, which may hold anything."""
    return _choose(name, options, default)


def box(name: str, options: Mapping[str, str], *, label: str) -> str:
    """One of many ``options``, as `switch`; the first unless another one is chosen."""
    return _choose(name, options, None, label)


def several(name: str, options: Mapping[str, str], *, label: str) -> tuple[str, ...]:
    """Any number of ``options``, as `switch`; none means all. The URL repeats the name for each."""
    wanted = st.query_params.get_all(name)
    st.session_state[name] = [option for option in options if option in wanted]
    st.multiselect(
        label,
        list(options),
        format_func=lambda option: options[option],
        key=name,
        placeholder="all",
        on_change=_several_to_url,
        args=(name,),
    )
    return tuple(option for option in options if option in wanted)


def page_of(name: str, pages: int, *, of: tuple[object, ...]) -> int:
    """One of so many pages, counted from 1; ``of`` says of what: of something else it begins with the first again."""
    before = st.session_state.get(f"{name}-of")
    st.session_state[f"{name}-of"] = of
    if before not in {None, of}:
        st.query_params.pop(name, None)
    wanted = st.query_params.get(name, "")
    default = int(wanted) if wanted.isdecimal() and 1 <= int(wanted) <= pages else 1
    # A key of its own for each thing: what was chosen of another one is not taken for this one's.
    key = f"{name}-{abs(hash(of))}"
    return st.pagination(pages, default=default, key=key, on_change=_page_to_url, args=(name, key)) if pages > 1 else 1


def _several_to_url(name: str) -> None:
    st.query_params[name] = st.session_state[name]


def _page_to_url(name: str, key: str) -> None:
    page = st.session_state[key]
    if page == 1:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(page)


def _choose(name: str, options: Mapping[str, str], default: str | None, label: str = "") -> str:
    first = default if default in options else next(iter(options))
    wanted = st.query_params.get(name)
    # The URL is the one truth: a link, the browser's back button and the widget all end here.
    chosen = st.session_state[name] = wanted if wanted in options else first
    then = {"on_change": _to_url, "args": (name, first)}
    if label:
        st.selectbox(label, list(options), format_func=lambda option: options[option], key=name, **then)
    else:
        st.segmented_control(
            name,
            list(options),
            required=True,
            format_func=lambda option: plain(options[option]),
            key=name,
            label_visibility="collapsed",
            wrap=True,
            **then,
        )
    return chosen


def _to_url(name: str, first: object) -> None:
    """What is chosen anyway needs no place there."""
    if st.session_state[name] in {None, first}:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = str(st.session_state[name])
