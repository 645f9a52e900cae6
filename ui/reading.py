"""What the page reads of the store; it never writes."""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from levelfield.report.analysis import analyse
from levelfield.report.history import METRICS, Bursts, Past, Point, points
from levelfield.report.model import Analysis
from levelfield.report.quantities import SPEED
from levelfield.result import Status
from levelfield.spec import Case
from levelfield.store import Store, StudyRecord
from levelfield.store.browsing import Choices, choices
from levelfield.store.frames import StudyFrames, load
from levelfield.store.history import Kind, kinds, newest, past_bursts, past_runs
from levelfield.store.reading import Stamp, failures, stamps

RunName = tuple[Case, str, int, int]  # case, side, seed, attempt


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The studies of a store, newest first, with their `stamps`."""

    name: str
    studies: Sequence[StudyRecord]
    counts: Mapping[str, Mapping[Status, int]]
    stamps: Mapping[str, Stamp]

    @property
    def stamp(self) -> Hashable:
        """What changes whenever a run, a duel or a certificate is added to the store, or one goes."""
        return tuple(sorted(self.stamps.items()))


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A study as the page shows it. It is shared between visitors and must not be changed."""

    frames: StudyFrames
    analysis: Analysis
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
@st.cache_resource(max_entries=4, show_spinner="Reading the study ...")
def open_study(url: str, study_id: str, stamp: Stamp) -> Opened:
    """Read and analyse a study once for each ``stamp``. Raises StoreError."""
    del stamp  # part of the cache's key
    frames = load(study_id, url)
    with Store.open(url, read_only=True) as store:
        ended = failures(store, study_id)
    return Opened(
        frames=frames,
        analysis=analyse(frames, networks=False),  # the page Predictions reads those that it shows
        failures={
            (Case(workload=found.workload, workers=found.workers), found.side, found.seed, found.attempt): found.failure or {}
            for found in ended
        },
    )


@st.cache_resource(max_entries=4, show_spinner=False)
def read_choices(url: str, stamp: Hashable) -> Choices:
    """What all runs can be filtered by. Raises StoreError."""
    del stamp
    with Store.open(url, read_only=True) as store:
        return choices(store)


@st.cache_resource(max_entries=4, show_spinner=False)
def read_kinds(url: str, stamp: Hashable) -> Mapping[Kind, int]:
    """What there is a history of, with the number of studies. Raises StoreError."""
    del stamp
    with Store.open(url, read_only=True) as store:
        return kinds(store)


@st.cache_resource(max_entries=2, show_spinner="Reading the history ...")
def read_past(url: str, kind: Kind, stamp: Hashable) -> Past:
    """All runs of a kind. Raises StoreError."""
    del stamp
    with Store.open(url, read_only=True) as store:
        studies = store.studies()
        return Past(
            case=Case(workload=kind.workload, workers=kind.workers),
            track=kind.track,
            precision=kind.precision,
            device=kind.device,
            runs=past_runs(store, kind),
            studies={study.id: study for study in studies},
            newest=newest(store),
            newest_sources=studies[0].source_hash,
        )


@st.cache_resource(max_entries=16, show_spinner=False)
def read_points(url: str, kind: Kind, metric: str, stamp: Hashable) -> Sequence[Point]:
    """What a metric, by the name of its quantity, was in all studies of a kind. Raises StoreError."""
    quantity = next(one for one in METRICS if one.name == metric)
    bursts = _bursts(url, kind) if quantity is SPEED else {}
    return points(read_past(url, kind, stamp), quantity, bursts)


def _bursts(url: str, kind: Kind) -> Bursts:
    bursts: dict[tuple[str, int, str], dict[int, float]] = defaultdict(dict)
    with Store.open(url, read_only=True) as store:
        for study, pair, side, number, samples, ns in past_bursts(store, kind):
            bursts[study, pair, side][number] = samples / (ns / 1e9)
    return bursts
