"""Indexes that hold all that is asked of every run of a store at once: a row of ``runs`` itself is long, and lies on a page of its own."""

from alembic import op

revision = "0010"
down_revision = "0009"
INDEXES = {
    # How the latest attempts at a study's runs ended.
    "ix_runs_ended": ("study_id", "spec_hash", "side", "attempt", "status"),
    # What runs are filtered and counted by.
    "ix_runs_browsed": ("started_at", "study_id", "workload", "workers", "side", "framework", "track", "status", "precision", "device"),
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "runs", list(columns))
