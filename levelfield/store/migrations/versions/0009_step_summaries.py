"""A summary of each run's blocks, append-only like the other tables. Runs that are there already get theirs, some at a time.

What a summary holds is said in `levelfield.step_summary`. Should it say something else one day, another migration has to make them anew.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import sqlalchemy as sa
from alembic import op

from levelfield.step_summary import StepSummary

revision = "0009"
down_revision = "0008"
COUNTS = ("epochs", "blocks", "steady_blocks")
SUMS = ("steps", "steady_steps", "rated_steps", "samples", "warm_samples", "first_epoch_steps", "first_epoch_samples")
QUANTILES = ("steady_step_ns", "warm_step_ns")
READ = ("epoch", "steps", "samples", "duration_ns", "steady")  # of a block
AT_A_TIME = 50  # runs, each with a few thousand blocks


def upgrade() -> None:
    table = op.create_table(
        "step_summaries",
        sa.Column("run_id", sa.Integer, nullable=False, autoincrement=False),
        *(sa.Column(name, sa.Integer, nullable=False) for name in COUNTS),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in SUMS),
        sa.Column("steady_rate", sa.Double),
        *(sa.Column(name, sa.LargeBinary, nullable=False) for name in QUANTILES),
        sa.PrimaryKeyConstraint("run_id", name="pk_step_summaries"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_step_summaries_run_id", ondelete="CASCADE"),
    )
    ids = _ids()
    for at in range(0, len(ids), AT_A_TIME):
        op.bulk_insert(table, list(_summaries(ids[at : at + AT_A_TIME])))
    _refuse_updates()


def _ids() -> Sequence[int]:
    runs = sa.table("runs", sa.column("id", sa.Integer))
    return op.get_bind().execute(sa.select(runs.c.id).order_by(runs.c.id)).scalars().all()


def _summaries(ids: Sequence[int]) -> Iterator[dict[str, object]]:
    """The rows of consecutive runs; those without a block are among them."""
    blocks = sa.table("blocks", *(sa.column(name, sa.BigInteger) for name in ("run_id", "position", *READ)))
    of_runs = sa.select(blocks.c.run_id, *(blocks.c[name] for name in READ)).where(blocks.c.run_id.between(ids[0], ids[-1]))
    found = op.get_bind().execute(of_runs.order_by(blocks.c.run_id, blocks.c.position)).all()
    of_run = {number: list(zip(*rows, strict=True))[1:] for number, rows in groupby(found, key=lambda row: row[0])}
    for number in ids:
        known = StepSummary.of_columns(**dict(zip(READ, of_run.get(number, [[]] * len(READ)), strict=True)))
        yield {
            "run_id": number,
            **{name: getattr(known, name) for name in (*COUNTS, *SUMS, "steady_rate")},
            **{name: _packed(getattr(known, name)) for name in QUANTILES},
        }


def _packed(numbers: Sequence[float]) -> bytes:
    """As `levelfield.store.types.Float64s` has it."""
    return np.asarray(numbers, dtype="<f8").tobytes()


def _refuse_updates() -> None:
    trigger = "CREATE TRIGGER step_summaries_append_only BEFORE UPDATE ON step_summaries"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'append-only: a row of step_summaries cannot be changed'); END")
    else:
        op.execute(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION levelfield_refuse_update()")
