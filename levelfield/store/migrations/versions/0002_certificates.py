"""Parity certificates, append-only like the other tables. They belong to no study: they speak of two workers and the code that they ran."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    asked = ("workload", "track", "precision")
    sides = (f"{name}_{side}" for side in "ab" for name in ("framework", "mode", "device", "code"))
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in (*asked, *sides)),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("content", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sqlite_autoincrement=True,
    )
    _refuse_updates()


def _refuse_updates() -> None:
    trigger = "CREATE TRIGGER certificates_append_only BEFORE UPDATE ON certificates"
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"{trigger} BEGIN SELECT RAISE(ABORT, 'append-only: a row of certificates cannot be changed'); END")
    else:
        op.execute(f"{trigger} FOR EACH STATEMENT EXECUTE FUNCTION levelfield_refuse_update()")
