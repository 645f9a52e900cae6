"""What becomes of a composed study: whether it can be run, how long it will take, its YAML, and the button that asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from levelfield.planning import estimate, words
from levelfield.planning.estimate import Estimate, Kind, Past
from levelfield.problems import Problem, StudyError
from levelfield.services import Service
from levelfield.store import Store, StoreError
from levelfield.store.requesting import HIGHEST, LOWEST
from levelfield.study import Study, name_of, parse_study
from ui import asking, composing, look
from ui.permission import OFF, Visitor, is_on
from ui.sections import heading

FORM, YAML = "Form", "YAML"
MAX_BYTES, LISTED = 100_000, 30
PASTED = "compose-yaml"
EXAMPLE = "title: TensorFlow and PyTorch on handwritten digits\nworkloads: [digits_cnn]\nframeworks: [tensorflow, torch]\nseeds: 5\n"


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A study as it is composed: its YAML, the name that it has where the YAML gives none, and what it is, if it is one.

    ``is_formed``: by the form.
    """

    text: str
    name: str
    study: Study | None
    is_formed: bool


def draft(services: Mapping[str, Service]) -> Draft:
    """Draw the form or the box for YAML, with everything that is wrong."""
    way = st.segmented_control(
        "Compose with", [FORM, YAML], default=FORM, required=True, key="compose-with", persist_state="session", label_visibility="collapsed"
    )
    return _formed(services) if way == FORM else _pasted(services)


def panel(found: Draft, url: str, *, exists: bool, newest: tuple[int, int], served: bool, visitor: Visitor) -> None:
    """The estimate, the YAML and the button. ``newest``: the last run and duel that are stored; ``exists``: the store is there."""
    heading("What it will take")
    if found.study:
        _estimate(_estimated(found.study, url, newest) if exists else estimate.estimate(found.study, {}, {}))
    else:
        st.html(look.div("lf-soft", "That is known when nothing is wrong with the study."))
    heading("Launch")
    _button(found, url, exists=exists, served=served, visitor=visitor)
    _elsewhere(found)


def _formed(services: Mapping[str, Service]) -> Draft:
    content, slots = composing.compose(services)
    text = composing.to_yaml(content)
    study, problems = _checked(text, services, composing.NAME)
    left = composing.show(problems, slots)
    if left:
        st.html(composing.trouble(left[:LISTED]))
    return Draft(text=text, name=composing.NAME, study=study, is_formed=True)


def _pasted(services: Mapping[str, Service]) -> Draft:
    st.file_uploader("A study's YAML", type=["yaml", "yml"], max_upload_size=1, key="compose-file", on_change=_uploaded)
    text = st.text_area("or written here", height=300, max_chars=MAX_BYTES, key=PASTED, placeholder=EXAMPLE, persist_state="session")
    name = name_of(st.session_state.get("compose-stem", composing.NAME))
    if not text or not text.strip():
        st.html(look.div("lf-soft", "Upload a file, or paste one; `docs/studies.md` explains every field.".replace("`", "")))
        return Draft(text="", name=name, study=None, is_formed=False)
    study, problems = _checked(text, services, name)
    told = [str(problem) for problem in problems]
    more = [f"and {len(told) - LISTED:,} more"] if len(told) > LISTED else []
    if told:
        st.html(composing.trouble([*told[:LISTED], *more]))
    return Draft(text=text, name=name, study=study, is_formed=False)


def _uploaded() -> None:
    """Into the box, where it can be changed."""
    file = st.session_state["compose-file"]
    if file is not None:
        st.session_state[PASTED] = file.getvalue()[:MAX_BYTES].decode("utf-8", errors="replace")
        st.session_state["compose-stem"] = file.name.rpartition(".")[0]


def _checked(text: str, services: Mapping[str, Service], name: str) -> tuple[Study | None, Sequence[Problem | str]]:
    try:
        return parse_study(text, services, name=name, source=asking.SOURCE), ()
    except StudyError as error:
        return None, error.problems


def _estimated(study: Study, url: str, newest: tuple[int, int]) -> Estimate:
    try:
        known, rounds_s = _known(url, tuple(study.workloads), newest)
    except StoreError:  # the page has said so above
        known, rounds_s = {}, {}
    return estimate.estimate(study, known, rounds_s)


@st.cache_data(max_entries=16, show_spinner=False)
def _known(url: str, names: tuple[str, ...], newest: tuple[int, int]) -> tuple[dict[Kind, Past], dict[tuple[str, int], float]]:
    del newest  # part of the cache's key
    with Store.open(url, read_only=True) as store:
        return estimate.past(store, names), estimate.round_s(store, names)


def _estimate(found: Estimate) -> None:
    known = [part for part in found.parts if part.seconds is not None]
    with st.container(horizontal=True, gap="medium"):
        st.metric("Runs", f"{found.pairs * len(found.parts) // max(1, len({_case(part) for part in found.parts})):,}", width="content")
        st.metric("Duels", f"{found.duels:,}", width="content")
        at_least = "" if found.is_complete else "≥ "
        st.metric("Duration, one pair at a time", f"{at_least}{words.duration(found.seconds)}" if known else "unknown", width="content")
        st.metric("Device hours", f"{at_least}{found.device_hours:,.2f}" if known else "unknown", width="content")
    st.html(look.div("lf-soft", _basis(found)))
    with st.expander("Side by side"):
        _parts(found)


def _case(part: estimate.Part) -> tuple[str, int]:
    return part.spec.workload, part.spec.workers


def _basis(found: Estimate) -> str:
    """What the estimate rests on."""
    runs = sum(part.known_runs for part in found.parts)
    if not runs:
        return "No run of this kind is stored yet, so nothing is known of how long it takes. A study of one pair tells."
    some = "" if found.is_complete else " Of some sides nothing is stored: their time is not in it."
    return f"From {runs:,} stored runs of the same kind. Attempts that the machine disturbs and certificates come on top.{some}"


def _parts(found: Estimate) -> None:
    header = ["side", "workload", "workers", "runs", "seconds each", "from"]
    rows = [
        look.row(escape(part.side), [part.spec.workload, str(part.spec.workers), f"{part.runs:,}", words.each(part), words.source(part)])
        for part in found.parts[:LISTED]
    ]
    st.html(look.table("lf-facts", header, rows))
    if len(found.parts) > LISTED:
        st.html(look.div("lf-soft", f"and {len(found.parts) - LISTED:,} more kinds of runs"))


def _button(found: Draft, url: str, *, exists: bool, served: bool, visitor: Visitor) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        priority = st.number_input(
            "Priority",
            value=0,
            min_value=LOWEST,
            max_value=HIGHEST,
            step=1,
            key="compose-priority",
            width=140,
            help="Studies of a higher priority come first, then those that were asked for first.",
            persist_state="session",
        )
        certify = st.toggle(
            "Make the parity certificates that it lacks",
            value=True,
            key="compose-certify",
            help="After its runs; without one the comparison is called unverified.",
            persist_state="session",
        )
    if not exists:
        st.html(_sentence("The store is not there yet: `levelfield serve` makes it, and takes up what is asked for."))
    if (as_before := asking.asked_as(found.text, found.name, priority=priority, certify=certify)) and visitor.refusal is None:
        st.html(_sentence(f"This very study has been asked for, as `{as_before}`."))
        st.button("Launch the same again", on_click=asking.forget, key="launch-again")
        return
    st.button(
        "Launch" if served or not exists else "Queue it all the same",
        type="primary",
        key="launch",
        disabled=visitor.refusal is not None or found.study is None or not exists,
        on_click=asking.on_launch,
        args=(url, found.text, found.name, priority, certify),
    )
    if visitor.refusal and is_on():
        st.html(_sentence(visitor.refusal))
    elif visitor.refusal == OFF:
        st.html(_sentence(f"{OFF} Until then the command line does it."))


def _elsewhere(found: Draft) -> None:
    """The same without this page."""
    if not found.text:
        return
    name = f"{found.study.name if found.study else found.name}.yaml"
    with st.expander("As YAML, and on the command line", expanded=found.is_formed or not is_on()):
        if found.is_formed:
            st.code(found.text, language="yaml")
        st.download_button(f"Download {name}", found.text, name, "application/yaml", key="compose-download", on_click="ignore")
        st.code(f"levelfield run {name}", language="bash")


def _sentence(text: str) -> str:
    return f'<div class="lf">{look.with_code(text)}</div>'
