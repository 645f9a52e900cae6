"""What is asked of a store while a study is under way: how far it is, and how the runs learned that have just ended."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import func, or_, select

from levelfield.result import STATUSES
from levelfield.store.reading import NAME
from levelfield.store.rows import AnyRow
from levelfield.store.store import Store
from levelfield.store.tables import epochs, runs, studies
from levelfield.thinning import stride

DONE = [status.value for status, meaning in STATUSES.items() if meaning.done]
LEARNED = [status.value for status, meaning in STATUSES.items() if meaning.learning_counts]


def done(store: Store, names: Iterable[str]) -> Mapping[str, int]:
    """How many runs of each of these studies are done: their last attempt needs no other one. One without any has no entry."""
    newest_first = func.row_number().over(partition_by=(runs.c.study_id, runs.c.spec_hash, runs.c.side), order_by=runs.c.attempt.desc())
    ranked = select(runs.c.study_id, runs.c.status, newest_first.label("rank")).where(runs.c.study_id.in_(list(names))).subquery()
    counted = select(ranked.c.study_id, func.count()).where(ranked.c.rank == 1, ranked.c.status.in_(DONE)).group_by(ranked.c.study_id)
    return {row[0]: row[1] for row in store.read(counted)[0]}


def newest(store: Store, names: Iterable[str]) -> Mapping[str, int]:
    """The id of the last run of each of these studies that was recorded. One without any has no entry."""
    query = select(runs.c.study_id, func.max(runs.c.id)).where(runs.c.study_id.in_(list(names)))
    return {row[0]: row[1] for row in store.read(query.group_by(runs.c.study_id))[0]}


def stored(store: Store, names: Iterable[str]) -> set[str]:
    """Which of these studies are stored, and not only asked for."""
    return {row.id for row in store.read(select(studies.c.id).where(studies.c.id.in_(list(names))))[0]}


def latest_curves(store: Store, study_id: str, *, number: int, points: int) -> Sequence[AnyRow]:
    """Name, epoch (counted from 0) and what was learned of the ``number`` runs of a study that ended last and whose learning counts.

    Of each at most so many ``points``, spread evenly. In the order of runs and epochs.
    """
    chosen = select(runs.c.id).where(runs.c.study_id == study_id, runs.c.status.in_(LEARNED)).order_by(runs.c.id.desc()).limit(number)
    [length], found = store.read(select(func.max(epochs.c.epoch)).where(epochs.c.run_id.in_(chosen)), chosen)
    last, ids = length[0], [row.id for row in found]
    if last is None:
        return []
    kept = or_(epochs.c.epoch % stride(last + 1, points) == 0, epochs.c.epoch == last)
    measured = epochs.c.epoch, epochs.c.train_loss, epochs.c.test_loss, epochs.c.test_correct, epochs.c.test_examples
    query = select(runs.c.id, *NAME, *measured).join(epochs, epochs.c.run_id == runs.c.id).where(runs.c.id.in_(ids), kept)
    return store.read(query.order_by(runs.c.id, epochs.c.epoch))[0]
