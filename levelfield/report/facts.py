"""What was compared: settings, versions, machine and fingerprints of a case, and what each side's workers say of themselves."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from levelfield import workloads
from levelfield.report.counting import of_case
from levelfield.report.formats import margin
from levelfield.report.model import Analysis
from levelfield.report.runs import Frames
from levelfield.report.titles import workload_title
from levelfield.spec import Case

SHORT = 12  # characters of a fingerprint
SETTINGS = ("track", "precision", "device", "epochs", "batch_size", "learning_rate", "threads")
SHOWN = 3  # different things that runs of one side say
Account = Mapping[str, Any]


def facts(case: Case, frames: Frames, analysis: Analysis) -> Iterable[tuple[str, str]]:
    """Name and value of each, in the order in which they are shown."""
    record, runs = frames.study, of_case(frames.runs, case)
    yield "study", record.id
    yield "begun (UTC)", f"{record.created_at:%Y-%m-%d %H:%M:%S}"
    if len(runs):
        yield "runs (UTC)", f"{runs['started_at'].min():%Y-%m-%d %H:%M:%S} to {runs['finished_at'].max():%Y-%m-%d %H:%M:%S}"
    yield from _settings(case, analysis, record.study)
    yield from _told(runs)
    yield "data", _fingerprints(runs["data_fingerprint"])
    yield "initial weights", _weights(runs)
    yield "sources of Levelfield", f"{analysis.levelfield_version}, {analysis.source_hash[:SHORT]}"


def side_by_side(case: Case, runs: pd.DataFrame, labels: Iterable[str], part: str) -> dict[str, dict[str, str]]:
    """All that workers say of themselves ("description") or of where they ran ("environment"), by the label of their side, and flat.

    ``part`` is one of these columns of ``runs``, which are those of `Frames`. A side that says nothing is left out.
    """
    own = of_case(runs, case)
    told = {label: tell(own.loc[own["side"] == label, part].tolist()) for label in labels}
    return {label: said for label, said in told.items() if said}


def tell(accounts: Sequence[Account]) -> dict[str, str]:
    """All that was said, flat, as text; where runs of one side say different things, all of them in short."""
    found: dict[str, dict[str, None]] = {}
    seen: set[tuple[str, str]] = set()
    for account in accounts:
        for key, value in account.items():
            # Thousands of runs say the same: it is taken apart once.
            if (said := (key, repr(value))) not in seen:
                seen.add(said)
                for name, text in _flatten({key: value}):
                    found.setdefault(name, {})[text] = None
    return {name: _said(list(texts)) for name, texts in found.items()}


def _settings(case: Case, analysis: Analysis, study: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
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


def _told(runs: pd.DataFrame) -> Iterable[tuple[str, str]]:
    said = [{**where, **what} for what, where in zip(runs["description"].tolist(), runs["environment"].tolist(), strict=True)]
    for key, title in (("cpu_model", "processor"), ("gpus", "GPU"), ("threads", "threads")):
        if found := [account[key] for account in said if key in account]:
            yield title, _said([_text(value) for value in found])
    versions = dict.fromkeys(f"{one['framework']} {one['version']}" for one in said if {"framework", "version"} <= one.keys())
    if versions:
        yield "versions", ", ".join(versions)


def _fingerprints(found: "pd.Series[str]") -> str:
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


def _flatten(account: Account, before: str = "") -> Iterable[tuple[str, str]]:
    for key, value in account.items():
        if isinstance(value, dict):
            yield from _flatten(value, f"{before}{key}.")
        else:
            yield f"{before}{key}".replace("_", " ") if not before else f"{before}{key}", _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return repr(value) if type(value) in {int, float} else json.dumps(value)


def _said(values: Sequence[str]) -> str:
    different = list(dict.fromkeys(values))
    if len(different) == 1:
        return different[0]
    more = len(different) - SHOWN
    return f"differs between runs: {', '.join(different[:SHOWN])}{f' and {more} more' if more > 0 else ''}"
