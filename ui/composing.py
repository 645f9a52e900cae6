"""The form in which a study is composed. It knows no rule: what is allowed the study's own models say, field by field."""

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st
import yaml
from streamlit.delta_generator import DeltaGenerator

from levelfield import workloads
from levelfield.problems import Problem
from levelfield.report.titles import workload_title
from levelfield.services import Service
from levelfield.study import DEVICES, Study
from levelfield.tracks import TRACKS
from ui.look import with_code
from ui.sides import sides

NAME = "study"
FIRST = ("name", "title", "workloads", "frameworks", "track", "seeds")  # they stand in the YAML even where they are at their default
DEFAULTS = {name: field.get_default(call_default_factory=True) for name, field in Study.model_fields.items()}
MODELS = ("H100", "A100", "L4")  # of GPUs, for a start: any other one can be typed
Slots = dict[str, DeltaGenerator]


def compose(services: Mapping[str, Service]) -> tuple[dict[str, Any], Slots]:
    """Draw the form: what has been chosen, as a study's YAML would say it, and a place for problems by field."""
    slots: Slots = {}
    found = _what(slots) | {"frameworks": sides(services, slots)} | _how_much(slots) | _how(services, slots)
    with st.expander("More: scaling, bursts, batch size, isolation"):
        found |= _more(slots)
    return found, slots


def to_yaml(content: Mapping[str, Any]) -> str:
    """A study as its author would write it: what stands at its default is left out."""
    named = [*FIRST, *(name for name in Study.model_fields if name not in FIRST)]
    written = {name: content[name] for name in named if name in content and _is_said(name, content[name])}
    return yaml.safe_dump(written, sort_keys=False, allow_unicode=True, default_flow_style=None, width=100)


def show(problems: Sequence[Problem | str], slots: Slots) -> list[str]:
    """Each problem at its field; those that have none are given back."""
    by_slot: dict[str, list[str]] = {}
    left = []
    for problem in problems:
        place = _place(problem, slots)
        if place and isinstance(problem, Problem):
            by_slot.setdefault(place, []).append(problem.words)
        else:
            left.append(_whole(problem))
    for place, lines in by_slot.items():
        slots[place].html(trouble(lines))
    return left


def trouble(lines: Sequence[str]) -> str:
    """What is wrong, as HTML."""
    return "".join(f'<div class="lf lf-trouble">{with_code(f"{line[:1].upper()}{line[1:]}")}</div>' for line in lines)


def number(text: str) -> Any:
    """What YAML would read: a number, several, or the text itself, which the model then refuses in its own words."""
    parts = [part for part in re.split(r"[,\s]+", text.strip().strip("[]")) if part]
    if not parts or not all(re.fullmatch(r"[+-]?\d{1,18}", part) for part in parts):
        return text.strip()
    return int(parts[0]) if len(parts) == 1 else [int(part) for part in parts]


def _what(slots: Slots) -> dict[str, Any]:
    first, second = st.columns([3, 2])
    with first:
        title = st.text_input("Title", key="compose-title", placeholder="what the report is headed with", persist_state="session")
        slots["title"] = st.empty()
    with second:
        name = st.text_input("Name", value=NAME, key="compose-name", help="What the study's id begins with.", persist_state="session")
        slots["name"] = st.empty()
    names = workloads.names()
    chosen = st.multiselect(
        "Workloads", names, default=["digits_cnn"], format_func=_workload, key="compose-workloads", persist_state="session"
    )
    slots["workloads"] = st.empty()
    track = st.segmented_control(
        "Track", list(TRACKS), default=DEFAULTS["track"], required=True, key="compose-track", persist_state="session"
    )
    st.html(f'<div class="lf lf-soft">{escape(TRACKS[track].question)}</div>')
    slots["track"] = st.empty()
    return {"name": name} | ({"title": title} if title else {}) | {"workloads": chosen, "track": track}


def _how_much(slots: Slots) -> dict[str, Any]:
    found: dict[str, Any] = {}
    pairs, epochs, workers, threads = _four()
    with pairs:
        told = "How many (seeds 0 to n - 1), or the seeds themselves: 0, 7, 12. A seed decides initial weights and batch order."
        found["seeds"] = number(_text("Pairs (seeds)", "seeds", str(DEFAULTS["seeds"]), told))
        slots["seeds"] = st.empty()
    with epochs:
        found["epochs"] = _number("Epochs", "epochs", "its own", "Empty: as many as the workload has.")
        slots["epochs"] = st.empty()
    with workers:
        told = "How many train together: 1, or several such numbers: 1, 2, 4."
        found["workers"] = number(_text("Workers", "workers", "1", told))
        slots["workers"] = st.empty()
    with threads:
        found["threads"] = _number("Threads", "threads", "all cores", "Empty: every core that the process may use.")
        slots["threads"] = st.empty()
    return found


def _how(services: Mapping[str, Service], slots: Slots) -> dict[str, Any]:
    found: dict[str, Any] = {}
    device, precision, margin, accuracy = _four()
    with device:
        told = "cpu, cuda, or a part of a GPU model's name, such as H100."
        found["device"] = st.selectbox(
            "Device", [*DEVICES, *MODELS], key="compose-device", help=told, accept_new_options=True, persist_state="session"
        )
        slots["device"] = st.empty()
    with precision:
        known = list(dict.fromkeys(one for service in services.values() for one in service.precisions)) or [DEFAULTS["precision"]]
        found["precision"] = st.selectbox("Precision", known, key="compose-precision", persist_state="session")
        slots["precision"] = st.empty()
    with margin:
        told = "Differences in speed below this share do not matter: 0.03 is ±3%. That is what `equivalent` means."
        found["margin"] = _share("Margin: speed", "margin", told)
        slots["margin"] = st.empty()
    with accuracy:
        told = "The same for test accuracy: 0.005 is half a point."
        found["accuracy_margin"] = _share("Margin: accuracy", "accuracy_margin", told)
        slots["accuracy_margin"] = st.empty()
    found["until_decided"] = st.toggle(
        "Add pairs only until every verdict is decided",
        key="compose-until_decided",
        help="It looks after 5, 8, 12, 20, 30 ... pairs; the number of pairs above is then the most that it takes.",
        persist_state="session",
    )
    slots["until_decided"] = st.empty()
    return found


def _more(slots: Slots) -> dict[str, Any]:
    found: dict[str, Any] = {}
    columns = st.columns(3)
    told = "Bursts of each side in the duel of a pair; 0: no duels, speed is that of whole runs."
    with columns[0]:
        found["bursts"] = _number("Bursts", "bursts", "20", told, value=DEFAULTS["bursts"])
        slots["bursts"] = st.empty()
        found["batch_size"] = _number("Batch size", "batch_size", "its own", "Empty: the workload's own. The same for every side.")
        slots["batch_size"] = st.empty()
    with columns[1]:
        found["learning_rate"] = _real("Learning rate", "learning_rate", "its own")
        slots["learning_rate"] = st.empty()
        told = (
            "Into how many sets of cores each host's processors are divided, each of them a device: to try several workers on one machine."
        )
        found["shares"] = _number("Shares of a host", "shares", "1", told, value=DEFAULTS["shares"])
        slots["shares"] = st.empty()
    with columns[2]:
        told = "Strong: the same global batch for every number of workers. Weak: as large a batch for each worker as one alone has."
        found["scaling"] = _choice("Scaling", "scaling", ["strong", "weak"], told)
        told = "The workers of a gang on as few hosts as can be, or on as many."
        found["placement"] = _choice("Placement", "placement", ["pack", "spread"], told)
    columns = st.columns(3)
    with columns[0]:
        told = "On CPUs: a run keeps every other one off its host, or only off its cores."
        found["isolation"] = _choice("Isolation", "isolation", ["host", "device"], told)
    with columns[1]:
        told = "A run whose process is lost goes on from a checkpoint, or begins again; a checkpoint after each short epoch takes time."
        found["restart"] = _choice("After a loss", "restart", ["checkpoint", "scratch"], told)
    with columns[2]:
        found["train"] = not st.toggle(
            "Duels alone", key="compose-duels", help="No training to the end: speed in bursts alone.", persist_state="session"
        )
        slots["train"] = st.empty()
    return found


def _four() -> list[DeltaGenerator]:
    """Places for four fields: in a row or, in a narrow window, two by two."""
    return [column for half in st.columns(2) for column in half.columns(2, wrap=False)]


def _text(label: str, name: str, value: str, told: str) -> str:
    return st.text_input(label, value=value, key=f"compose-{name}", help=told, persist_state="session")


def _number(label: str, name: str, placeholder: str, told: str, *, value: int | None = None) -> int | None:
    found: int | None = st.number_input(
        label, value=value, step=1, placeholder=placeholder, key=f"compose-{name}", help=told, persist_state="session"
    )
    return found


def _real(label: str, name: str, placeholder: str) -> float | None:
    found: float | None = st.number_input(
        label, value=None, step=1e-4, format="%g", placeholder=placeholder, key=f"compose-{name}", persist_state="session"
    )
    return found


def _share(label: str, name: str, told: str) -> float:
    found: float = st.number_input(
        label, value=DEFAULTS[name], step=0.005, format="%g", key=f"compose-{name}", help=told, persist_state="session"
    )
    return round(found, 9)


def _choice(label: str, name: str, options: Sequence[str], told: str) -> str:
    found: str = st.selectbox(label, options, key=f"compose-{name}", help=told, persist_state="session")
    return found


def _workload(name: str) -> str:
    return f"{workload_title(name)} ({name})"


def _is_said(name: str, value: Any) -> bool:
    if name in FIRST:
        return True
    return value is not None and value != DEFAULTS[name] and [value] != DEFAULTS[name]


def _place(problem: Problem | str, slots: Slots) -> str | None:
    """Side 2's mode is told at side 2, a list's third entry at the list."""
    if not isinstance(problem, Problem):
        return None
    return next((name for name in (problem.field, *re.findall(r"^frameworks\[\d+\]|^\w+", problem.field)) if name in slots), None)


def _whole(problem: Problem | str) -> str:
    """A problem of the study as a whole is told without the whole study."""
    return problem.allowed if isinstance(problem, Problem) and not problem.field else str(problem)
