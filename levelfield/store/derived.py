"""What the report derives of a run, as expressions over ``runs`` and ``step_summaries``; NULL where it is missing or does not count."""

from typing import Any, TypeAlias

from sqlalchemy import JSON, BigInteger, ColumnElement, Double, case, cast, func, select, type_coerce

from levelfield.result import STATUSES
from levelfield.step_summary import STEADY_STEPS
from levelfield.store.tables import epochs, runs, step_summaries

Expression: TypeAlias = ColumnElement[Any]
TIMED = [str(status) for status, meaning in STATUSES.items() if meaning.timing_counts]
LEARNED = [str(status) for status, meaning in STATUSES.items() if meaning.learning_counts]


def throughput() -> Expression:
    """Examples/s: the median over steady blocks, of enough steps, by a run whose timing counts and whose ranks shared no cores."""
    counts = runs.c.status.in_(TIMED) & (step_summaries.c.rated_steps >= STEADY_STEPS)
    return case((counts & ~shares_cores(), step_summaries.c.steady_rate))


def accuracy() -> Expression:
    """The share of the test examples that it had right after its last epoch, of a run whose learning counts."""
    last = select(cast(epochs.c.test_correct, Double) / epochs.c.test_examples).where(epochs.c.run_id == runs.c.id)
    return case((runs.c.status.in_(LEARNED), last.order_by(epochs.c.epoch.desc()).limit(1).scalar_subquery()))


def peak_memory() -> Expression:
    """The largest resident size of the process in bytes, of a run whose timing counts."""
    # As a text first: the databases' own integers hold no more than 2 GiB.
    return case((runs.c.status.in_(TIMED) & ~shares_cores(), cast(text_of(runs.c.memory_bytes, "process_peak_rss"), BigInteger)))


def shares_cores() -> Expression:
    """Whether a run's ranks shared cores, which says nothing of speed."""
    # Where one worker trained, the long record of its environment need not be looked into.
    told = func.coalesce(type_coerce(runs.c.environment, JSON)["cores_shared"].as_boolean(), False)
    return case((runs.c.workers > 1, told), else_=False)


def text_of(column: Expression, name: str) -> ColumnElement[str | None]:
    """What a column of JSON holds under a name, as text."""
    found: ColumnElement[str | None] = type_coerce(column, JSON)[name].as_string()
    return found
