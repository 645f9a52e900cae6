"""Studies, runs, epochs and blocks, none of which can be changed once written.

It does not use `levelfield.store.tables`: a migration stays as it was when stores were made with it, while the tables move on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = ("studies", "runs", "epochs", "blocks")


def upgrade() -> None:
    _studies()
    _runs()
    _epochs()
    _blocks()
    _refuse_updates()


def _studies() -> None:
    op.create_table(
        "studies",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("study", sa.JSON, nullable=False),
        sa.Column("plan_seed", sa.BigInteger, nullable=False),
        sa.Column("planned_runs", sa.Integer, nullable=False),
        sa.Column("levelfield_version", sa.Text, nullable=False),
        sa.Column("source_hash", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_studies"),
    )


def _runs() -> None:
    texts = ("workload", "framework", "mode", "precision", "track")
    documents = ("phases_ns", "memory_bytes", "fingerprints", "environment", "description")
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("study_id", sa.Text, nullable=False),
        sa.Column("spec_hash", sa.Text, nullable=False),
        sa.Column("side", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("pair", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in texts),
        sa.Column("seed", sa.BigInteger, nullable=False),
        sa.Column("device", sa.Text, nullable=False),
        sa.Column("spec", sa.JSON, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("wall_ns", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in documents),
        sa.Column("failure", sa.JSON),
        sa.Column("step_losses", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name="fk_runs_study_id", ondelete="CASCADE"),
        sa.UniqueConstraint("study_id", "spec_hash", "side", "attempt", name="uq_runs_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_spec_hash", "runs", ["spec_hash"])


def _epochs() -> None:
    op.create_table(
        "epochs",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("train_loss", sa.Double),
        sa.Column("test_loss", sa.Double),
        sa.Column("test_correct", sa.Integer, nullable=False),
        sa.Column("test_examples", sa.Integer, nullable=False),
        sa.Column("train_ns", sa.BigInteger, nullable=False),
        sa.Column("evaluate_ns", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "epoch", name="pk_epochs"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_epochs_run_id", ondelete="CASCADE"),
    )


def _blocks() -> None:
    op.create_table(
        "blocks",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("epoch", sa.Integer, nullable=False),
        sa.Column("first_step", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("samples", sa.BigInteger, nullable=False),
        sa.Column("duration_ns", sa.BigInteger, nullable=False),
        sa.Column("steady", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "position", name="pk_blocks"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_blocks_run_id", ondelete="CASCADE"),
    )


def _refuse_updates() -> None:
    """A row may be written and, by `levelfield delete`, removed, but never changed."""
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'append-only: a row of {table} cannot be changed'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION levelfield_refuse_update() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'append-only: a row of % cannot be changed', TG_TABLE_NAME; END $$"
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION levelfield_refuse_update()"
        )
