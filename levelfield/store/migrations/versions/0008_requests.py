"""Requests: the studies that somebody wants to have run, and how far they are. Like leases, their rows change: they are no results."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "requests",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("record", "options")),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("asked_by", sa.Text, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taker", sa.JSON),
        *(sa.Column(name, sa.DateTime(timezone=True)) for name in ("taken_at", "expires_at", "finished_at")),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("progress", "stop")),
        sa.Column("outcome", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_requests"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_requests_study_id", "requests", ["study_id"])
