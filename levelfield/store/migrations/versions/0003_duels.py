"""Duels, the comparisons of speed by bursts, and their bursts; append-only like the other tables."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
TABLES = ("duels", "bursts")


def upgrade() -> None:
    _duels()
    _bursts()
    for table in TABLES:
        _refuse_updates(table)


def _duels() -> None:
    op.create_table(
        "duels",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("workload", sa.Text, nullable=False),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("pair", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("target_ns", sa.BigInteger, nullable=False),
        sa.Column("members", sa.JSON, nullable=False),
        sa.Column("evidence", sa.JSON, nullable=False),
        sa.Column("failure", sa.JSON),
        sa.PrimaryKeyConstraint("id", name="pk_duels"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_duels_study_id", ondelete="CASCADE"),
        sa.UniqueConstraint("study_id", "workload", "pair", "attempt", name="uq_duels_key"),
        sqlite_autoincrement=True,
    )


def _bursts() -> None:
    counts = ("steps", "samples", "duration_ns", "discarded_steps", "discarded_ns", "cpu_ns", "idle_cpu_ns", "idle_ns", "started_ns")
    op.create_table(
        "bursts",
        sa.Column("duel_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in counts),
        sa.PrimaryKeyConstraint("duel_id", "position", name="pk_bursts"),
        sa.ForeignKeyConstraint(["duel_id"], ["duels.id"], name="fk_bursts_duel_id", ondelete="CASCADE"),
    )


def _refuse_updates(table: str) -> None:
    trigger = f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table}"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'append-only: a row of {table} cannot be changed'); END")
    else:
        op.execute(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION levelfield_refuse_update()")
