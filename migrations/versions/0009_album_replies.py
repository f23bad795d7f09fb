"""An album's messages know what they reply to, and pictures whether they were deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("album_items", sa.Column("reply_id", sa.BigInteger(), nullable=True))

    op.add_column(
        "pictures",
        sa.Column("deleted", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    # In private chats nothing else has ever taken a picture's place away; groups also move.
    op.execute(
        "UPDATE pictures SET deleted = TRUE"
        " WHERE chat_id > 0 AND message_id IS NULL AND file_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_column("pictures", "deleted")
    op.drop_column("album_items", "reply_id")
