"""What was compared: settings, versions, machine and fingerprints, and what each worker says of itself, side by side."""

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import pandas as pd
import streamlit as st

from levelfield import workloads
from levelfield.charts.style import Look
from levelfield.report.formats import margin
from levelfield.report.model import Analysis
from levelfield.report.titles import workload_title
from levelfield.spec import Case
from levelfield.store import StudyRecord
from ui.counting import of_case
from ui.look import dot, row, table
from ui.reading import Opened
from ui.sections import heading

SHORT = 12  # characters of a fingerprint
SETTINGS = ("track", "precision", "device", "epochs", "batch_size", "learning_rate", "threads")


def compared(case: Case, opened: Opened, look: Mapping[str, Look]) -> None:
    """The section for one case."""
    heading("What was compared")
    runs = of_case(opened.frames.runs, case)
    accounts = {label: [one for one in opened.accounts if (one.case, one.side) == (case, label)] for label in look}
    st.html(table("lf-facts", ["", ""], (row(escape(key), [escape(value)]) for key, value in _facts(case, opened, runs))))
    present = {label: found for label, found in accounts.items() if found}
    for title, part in (("What each worker says of itself", "description"), ("Where each side ran", "environment")):
        told = {label: tell([getattr(account, part) for account in found]) for label, found in present.items()}
        if any(told.values()):
            with st.expander(title):
                st.html(table("lf-facts", ["", *(dot(look[label].name, look[label].colour) for label in told)], _side_by_side(told)))


def tell(accounts: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """All that was said, flat, as text; where runs of one side say different things, all of them in short."""
    flat = [dict(_flatten(account)) for account in accounts]
    keys = dict.fromkeys(key for account in flat for key in account)
    return {key: _said([account[key] for account in flat if key in account]) for key in keys}


def _facts(case: Case, opened: Opened, runs: pd.DataFrame) -> Iterable[tuple[str, str]]:
    analysis, record = opened.analysis, opened.frames.study
    yield "study", record.id
    yield "begun (UTC)", f"{record.created_at:%Y-%m-%d %H:%M:%S}"
    if len(runs):
        yield "runs (UTC)", f"{runs['started_at'].min():%Y-%m-%d %H:%M:%S} to {runs['finished_at'].max():%Y-%m-%d %H:%M:%S}"
    yield from _settings(case, analysis, record)
    said = [account.environment | account.description for account in opened.accounts if account.case == case]
    for key, title in (("cpu_model", "processor"), ("gpus", "GPU"), ("threads", "threads")):
        if found := [account[key] for account in said if key in account]:
            yield title, _said([_text(value) for value in found])
    versions = dict.fromkeys(f"{one['framework']} {one['version']}" for one in said if {"framework", "version"} <= one.keys())
    if versions:
        yield "versions", ", ".join(versions)
    yield "data", _fingerprints(runs["data_fingerprint"])
    yield "initial weights", _weights(runs)
    yield "sources of Levelfield", f"{analysis.levelfield_version}, {analysis.source_hash[:SHORT]}"


def _settings(case: Case, analysis: Analysis, record: StudyRecord) -> Iterable[tuple[str, str]]:
    study = record.study
    yield "workload", f"{workload_title(case.workload)} ({case.workload})"
    if case.workers > 1:
        yield "workers", f"{case.workers}, placement {study.get('placement', 'pack')}"
    for setting in SETTINGS:
        if (value := study.get(setting) or _own(case.workload, setting)) is not None:
            yield setting.replace("_", " "), str(value)
    seeds = study.get("seeds")
    yield "seeds", ", ".join(map(str, seeds)) if isinstance(seeds, list) else f"{seeds} (0 to {seeds - 1})" if seeds else "unknown"
    yield "margins", f"speed ±{margin(analysis.margin)}, accuracy ±{margin(analysis.accuracy_margin).rstrip('%')} points"


def _own(name: str, setting: str) -> str | None:
    """What the workload itself says where the study does not."""
    if (workload := workloads.find(name)) is None:
        return None
    value = getattr(workload.optimizer if setting == "learning_rate" else workload, setting, None)
    return None if value is None else f"{value} (the workload's own)"


def _fingerprints(found: pd.Series) -> str:
    known = found.dropna().unique()
    return ", ".join(str(value)[:SHORT] for value in known) + (" (not the same in all runs)" if len(known) > 1 else "") or "not recorded"


def _weights(runs: pd.DataFrame) -> str:
    known = runs.dropna(subset="initial_weights_fingerprint").groupby("seed")["initial_weights_fingerprint"]
    if not len(known):
        return "not recorded"
    by_seed = ", ".join(f"seed {seed}: {value[:SHORT]}" for seed, value in known.first().head(5).items())
    more = ", ..." if len(known) > 5 else ""
    same = "the same on every side" if known.nunique().max() == 1 else "NOT the same on every side"
    return f"{same} ({by_seed}{more})"


def _side_by_side(told: Mapping[str, Mapping[str, str]]) -> Iterable[str]:
    """A row for each thing that any side tells; marked where they tell different things."""
    for key in dict.fromkeys(key for said in told.values() for key in said):
        cells = [said.get(key, "not told") for said in told.values()]
        yield row(escape(key), map(escape, cells), kind="lf-differs" if len(set(cells)) > 1 else "")


def _flatten(account: Mapping[str, Any], before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in account.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{key}.")
        else:
            yield f"{before}{key}".replace("_", " ") if not before else f"{before}{key}", _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _said(values: Sequence[str]) -> str:
    different = list(dict.fromkeys(values))
    if len(different) == 1:
        return different[0]
    return f"differs between runs: {', '.join(different[:3])}{f' and {len(different) - 3} more' if len(different) > 3 else ''}"
