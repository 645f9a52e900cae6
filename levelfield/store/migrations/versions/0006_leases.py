"""Leases: who holds which devices now, and who waits for them. The one table whose rows may change, so it has no trigger against it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "leases",
        *(sa.Column(name, sa.Text, nullable=False) for name in ("token", "device")),
        sa.Column("ticket", sa.BigInteger, nullable=False),
        sa.Column("study_id", sa.Text, nullable=False),
        *(sa.Column(name, sa.JSON, nullable=False) for name in ("holder", "tenants")),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("acquired_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", "device", name="pk_leases"),
    )
