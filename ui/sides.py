"""The sides of a study that is composed: any number of rows, each a framework with its mode, precision and label."""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from levelfield.services import Service

ROWS, LAST = "compose-sides", "compose-last"  # the numbers of the rows, which are never given twice
AS_STUDY = ""


def sides(services: Mapping[str, Service], slots: dict[str, DeltaGenerator]) -> list[Any]:
    """Draw the rows; each as YAML would say it: a name, where that is all."""
    rows = st.session_state.setdefault(ROWS, [0, 1])
    st.session_state.setdefault(LAST, rows[-1])
    found = []
    for at, row in enumerate(rows):
        found.append(_side(services, row, at, removable=len(rows) > 1))
        slots[f"frameworks[{at}]"] = st.empty()
    st.button("Add a side", on_click=_add, key="compose-add", type="tertiary")
    slots["frameworks"] = st.empty()
    return found


def _side(services: Mapping[str, Service], row: int, at: int, *, removable: bool) -> Any:
    names = list(services)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        framework = st.selectbox(
            f"Side {at + 1}",
            names,
            index=min(at, len(names) - 1) if names else None,
            format_func=lambda name: services[name].title,
            key=f"compose-framework-{row}",
            persist_state="session",
        )
        service = services.get(framework or "")
        modes = dict(service.modes) if service else {}
        mode = st.selectbox(
            "Mode",
            list(modes),
            index=list(modes).index(service.default_mode) if service else None,
            help="  \n".join(f"`{name}`: {meaning}" for name, meaning in modes.items()),
            key=f"compose-mode-{row}-{framework}",  # another framework has other modes
            persist_state="session",
        )
        precision = st.selectbox(
            "Precision",
            [AS_STUDY, *(service.precisions if service else ())],
            format_func=lambda name: name or "the study's",
            key=f"compose-precision-{row}-{framework}",
            persist_state="session",
        )
        label = st.text_input("Label", placeholder="its framework", key=f"compose-label-{row}", persist_state="session")
        st.button("Remove", key=f"compose-remove-{row}", on_click=_remove, args=(row,), disabled=not removable, type="tertiary")
    said = {
        "framework": framework or "",
        "mode": mode if service and mode != service.default_mode else None,
        "precision": precision or None,
        "label": label or None,
    }
    given = {name: value for name, value in said.items() if value is not None}
    return given["framework"] if len(given) == 1 else given


def _add() -> None:
    st.session_state[LAST] += 1
    st.session_state[ROWS] = [*st.session_state[ROWS], st.session_state[LAST]]


def _remove(row: int) -> None:
    st.session_state[ROWS] = [one for one in st.session_state[ROWS] if one != row]
