"""What the page reads of the store; it never writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from sqlalchemy import func, select

from levelfield.report.analysis import analyse
from levelfield.report.model import Analysis
from levelfield.result import Status
from levelfield.spec import Case
from levelfield.store import Store, StudyRecord
from levelfield.store.frames import StudyFrames, load
from levelfield.store.rows import AnyRow
from levelfield.store.tables import certificates, duels, runs

RunName = tuple[Case, str, int, int]  # case, side, seed, attempt
Stamp = tuple[int, int, int, int]  # how many runs, the newest, the newest duel, the newest certificate


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The studies of a store, newest first.

    ``stamps`` changes for a study whenever a run is added to it, or a duel or a certificate to the store.
    """

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
    newest = (select(func.coalesce(func.max(table.c.id), 0)).scalar_subquery() for table in (duels, certificates))
    stamps = select(runs.c.study_id, func.count(), func.max(runs.c.id), *newest).group_by(runs.c.study_id)
    with Store.open(url, read_only=True) as store:
        return Shelf(
            name=store.name,
            studies=store.studies(),
            counts=store.counts(),
            stamps={row[0]: (row[1], row[2], row[3], row[4]) for row in store.read(stamps)[0]},
        )


# A resource, because data would be copied for every visitor and every click.
@st.cache_resource(max_entries=8, show_spinner="Reading the study ...")
def open_study(url: str, study_id: str, stamp: Stamp) -> Opened:
    """Read and analyse a study once for each ``stamp``. Raises StoreError."""
    del stamp  # part of the cache's key
    frames = load(study_id, url)
    columns = (runs.c.workload, runs.c.workers, runs.c.side, runs.c.seed, runs.c.attempt, runs.c.status)
    told = select(*columns, runs.c.description, runs.c.environment).where(runs.c.study_id == study_id)
    ended = select(*columns, runs.c.failure).where(runs.c.study_id == study_id, runs.c.status != Status.OK.value)
    with Store.open(url, read_only=True) as store:
        accounts, failures = store.read(told.order_by(runs.c.id), ended)
    return Opened(
        frames=frames,
        analysis=analyse(frames),
        accounts=[_account(found) for found in accounts],
        failures={(_case(found), found.side, found.seed, found.attempt): found.failure or {} for found in failures},
    )


def _account(found: AnyRow) -> Account:
    return Account(case=_case(found), side=found.side, description=found.description, environment=found.environment)


def _case(found: AnyRow) -> Case:
    return Case(workload=found.workload, workers=found.workers)
