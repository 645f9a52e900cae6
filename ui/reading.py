"""What the page reads of the store; it never writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from levelfield.report.analysis import analyse
from levelfield.report.model import Analysis
from levelfield.result import Status
from levelfield.spec import Case
from levelfield.store import Store, StudyRecord
from levelfield.store.frames import StudyFrames, load
from levelfield.store.reading import Stamp, accounts, stamps
from levelfield.store.rows import AnyRow

RunName = tuple[Case, str, int, int]  # case, side, seed, attempt


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The studies of a store, newest first, with their `stamps`."""

    name: str
    studies: Sequence[StudyRecord]
    counts: Mapping[str, Mapping[Status, int]]
    stamps: Mapping[str, Stamp]


@dataclass(frozen=True, kw_only=True)
class Account:
    """What one run's worker said of itself and of its machine."""

    case: Case
    side: str
    description: Mapping[str, Any]
    environment: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study as the page shows it. It is shared between visitors and must not be changed."""

    frames: StudyFrames
    analysis: Analysis
    accounts: Sequence[Account]
    failures: Mapping[RunName, Mapping[str, Any]]


def read_shelf(url: str) -> Shelf:
    """Raises StoreError."""
    with Store.open(url, read_only=True) as store:
        return Shelf(
            name=store.name,
            studies=store.studies(),
            counts=store.counts(),
            stamps=stamps(store),
        )


# A resource, because data would be copied for every visitor and every click.
@st.cache_resource(max_entries=8, show_spinner="Reading the study ...")
def open_study(url: str, study_id: str, stamp: Stamp) -> Opened:
    """Read and analyse a study once for each ``stamp``. Raises StoreError."""
    del stamp  # part of the cache's key
    frames = load(study_id, url)
    with Store.open(url, read_only=True) as store:
        told, failures = accounts(store, study_id)
    return Opened(
        frames=frames,
        analysis=analyse(frames),
        accounts=[_account(found) for found in told],
        failures={(_case(found), found.side, found.seed, found.attempt): found.failure or {} for found in failures},
    )


def _account(found: AnyRow) -> Account:
    return Account(case=_case(found), side=found.side, description=found.description, environment=found.environment)


def _case(found: AnyRow) -> Case:
    return Case(workload=found.workload, workers=found.workers)
