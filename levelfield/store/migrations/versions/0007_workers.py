"""How many workers trained together, or took turns as one side of a duel; before there were gangs, one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("runs", "duels"):
        op.add_column(table, sa.Column("workers", sa.Integer, nullable=False, server_default="1"))
