"""A study's raw values as pandas frames, for the statistics, the report and notebooks. Units are in the column names; missing is NA."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Select, select

from levelfield.parity.certificate import Certificate
from levelfield.predictions import Predictions
from levelfield.store import certified, dueling, framing
from levelfield.store.address import default_url, parse
from levelfield.store.records import StudyRecord
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import blocks, epochs, runs, step_summaries

_AT_A_TIME = 500  # runs whose blocks one query asks for: a database takes so many parameters and no more


@dataclass(frozen=True, kw_only=True)
class StudyFrames:
    """A study's raw values: a row of ``runs`` is a recorded run, one of ``epochs`` an epoch.

    A row of ``steps`` is what the blocks of a run say in short (`levelfield.step_summary.StepSummary`): ``steady_rate`` is in examples/s,
    ``steady_step_s`` and ``warm_step_s`` are arrays, shape (101,), or (0,) where there are no such blocks. The method `blocks` reads the
    blocks themselves. A row of ``duels`` is an attempt at a duel, one of ``bursts`` a burst of one side, in the order in which they were
    taken. ``certificates`` are those of the study's workloads, for whatever sides, newest first.
    """

    study: StudyRecord
    runs: pd.DataFrame
    epochs: pd.DataFrame
    steps: pd.DataFrame
    duels: pd.DataFrame
    bursts: pd.DataFrame
    certificates: tuple[Certificate, ...] = ()
    source: str = field(repr=False)  # the store; a URL may hold a password

    def blocks(self, run_ids: Iterable[int] | None = None) -> pd.DataFrame:
        """A row for each block of steps, of these runs or of all, read from the store now: there may be millions. Raises StoreError."""
        every, own = select(blocks).order_by(*blocks.primary_key.columns), set(self.runs["run_id"].tolist())
        wanted = own if run_ids is None else own.intersection(map(int, run_ids))
        with Store.open(self.source, read_only=True) as opened:
            parts = opened.read(*(every.where(blocks.c.run_id.in_(part)) for part in _parts(wanted)))
        return framing.blocks_frame([row for part in parts for row in part], self.runs)

    def predictions(self, run_ids: Collection[int] | None = None) -> dict[int, Predictions]:
        """What each run's network took every test example for, by run id, read from the store only now; of these runs alone, or of all.

        A run without any has no entry: it was not trained to its end, or recorded before there were any. Raises StoreError.
        """
        with Store.open(self.source, read_only=True) as opened:
            return opened.predictions(self.study.id, run_ids)


def load(study_id: str, store: str | None = None) -> StudyFrames:
    """Read a study. ``study_id`` as in `Store.study`, ``store`` a path or URL, by default `default_url`. Raises StoreError."""
    source = store or default_url()
    with Store.open(source, read_only=True) as opened:
        study = opened.study(study_id)
        others = (*dueling.queries(study.id), certified.select_all(study.study.get("workloads", [])))
        return _frames(source, study, opened.read(*_queries(study.id), *others))


def load_runs(run_ids: Iterable[int], store: str | None = None) -> list[StudyFrames]:
    """Read some runs of any studies, those of one study together, in the order of the studies' newest first; unknown ids are left out.

    The frames hold these runs alone: no duels, no bursts, no certificates, and ``latest`` speaks of them. Raises StoreError.
    """
    source, wanted = store or default_url(), sorted({int(run_id) for run_id in run_ids})
    with Store.open(source, read_only=True) as opened:
        studies = {row.study_id for row in opened.read(select(runs.c.study_id).where(runs.c.id.in_(wanted)))[0]}
        known = [record for record in opened.studies() if record.id in studies]
        return [_frames(source, record, [*opened.read(*_queries(record.id, runs.c.id.in_(wanted))), (), (), ()]) for record in known]


def _queries(study_id: str, *conditions: ColumnElement[bool]) -> list[Select[*tuple[Any, ...]]]:
    """For runs, epochs and summaries."""
    own = runs.c.study_id == study_id, *conditions
    all_runs = select(runs.c.id, *(runs.c[name] for name in framing.RUN_COLUMNS)).where(*own).order_by(runs.c.id)
    # Not a join: SQLite would sort what the primary keys have in this order already.
    ids = select(runs.c.id).where(*own)
    of_epochs = select(epochs).where(epochs.c.run_id.in_(ids)).order_by(*epochs.primary_key.columns)
    summaries = select(*framing.STEP_COLUMNS).where(step_summaries.c.run_id.in_(ids)).order_by(step_summaries.c.run_id)
    return [all_runs, of_epochs, summaries]


def _frames(source: str, study: StudyRecord, found: Sequence[Sequence[AnyRow]]) -> StudyFrames:
    """From the rows of runs, epochs, summaries, duels, bursts and certificates."""
    run_rows, epoch_rows, step_rows, duel_rows, burst_rows, certificate_rows = found
    of_runs, duels = framing.runs_frame(run_rows), framing.duels_frame(duel_rows)
    return StudyFrames(
        study=study,
        runs=of_runs,
        epochs=framing.epochs_frame(epoch_rows, of_runs),
        steps=framing.steps_frame(step_rows, of_runs),
        duels=duels,
        bursts=framing.bursts_frame(burst_rows, duels),
        certificates=tuple(certified.read(certificate_rows)),
        source=parse(source).render_as_string(hide_password=False),  # a path may be relative
    )


def _parts(run_ids: Iterable[int]) -> Iterable[list[int]]:
    """The ids in order, some at a time."""
    wanted = sorted(run_ids)
    return (wanted[at : at + _AT_A_TIME] for at in range(0, len(wanted), _AT_A_TIME))
