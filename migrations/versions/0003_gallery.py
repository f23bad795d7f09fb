"""Pictures know their account, messages that stand for a picture are remembered."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    account = sa.Column("account_id", sa.BigInteger(), server_default="0", nullable=False)
    op.add_column("pictures", account)
    op.execute(
        "UPDATE pictures SET account_id ="
        " (SELECT jobs.account_id FROM jobs WHERE jobs.id = pictures.job_id)"
    )
    op.create_index("ix_pictures_gallery", "pictures", ["account_id", "id"])
    op.create_index("ix_pictures_gallery_chat", "pictures", ["account_id", "chat_id", "id"])
    op.create_table(
        "stand_ins",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("picture_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name="pk_stand_ins"),
    )
    op.create_index("ix_stand_ins_picture_id", "stand_ins", ["picture_id"])


def downgrade() -> None:
    op.drop_table("stand_ins")
    op.drop_index("ix_pictures_gallery_chat", "pictures")
    op.drop_index("ix_pictures_gallery", "pictures")
    op.drop_column("pictures", "account_id")
