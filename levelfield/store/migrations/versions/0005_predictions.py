"""What each run's network took every test example for, append-only like the other tables."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "predictions",
        sa.Column("run_id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("classes", sa.Integer, nullable=False),
        sa.Column("examples", sa.Integer, nullable=False),
        sa.Column("packed", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_predictions"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_predictions_run_id", ondelete="CASCADE"),
    )
    trigger = "CREATE TRIGGER predictions_append_only BEFORE UPDATE ON predictions"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'append-only: a row of predictions cannot be changed'); END")
    else:
        op.execute(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION levelfield_refuse_update()")
