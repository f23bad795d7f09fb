"""Asks keep their prompt and flags, preferences a size and a count."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("prompt", "flags"):
        op.add_column("asks", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("preferences", sa.Column("size", sa.Text(), nullable=True))
    op.add_column("preferences", sa.Column("count", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    for name in ("count", "size"):
        op.drop_column("preferences", name)
    for name in ("flags", "prompt"):
        op.drop_column("asks", name)
