"""An album's messages know what they reply to."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("album_items", sa.Column("reply_id", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("album_items", "reply_id")
