"""Jobs may have their picture in an inline message."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("inline_message_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "inline_message_id")
