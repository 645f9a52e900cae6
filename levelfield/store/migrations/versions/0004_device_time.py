"""What the device's own clock said of blocks and bursts; NULL where nothing tells it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for table in ("blocks", "bursts"):
        op.add_column(table, sa.Column("device_ns", sa.BigInteger))
