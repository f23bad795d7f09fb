"""Preferences of topics and more of them; allowances of groups; who added the bot to a chat."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

KEPT = ("account_id", "model", "aspect_ratio", "size", "count")


def upgrade() -> None:
    _rebuild(
        *_choices(),
        sa.Column("send_as", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=True),
        sa.Column("ready_ping", sa.Boolean(), nullable=True),
        sa.Column("member_day", sa.BigInteger(), nullable=True),
        sa.Column("chat_day", sa.BigInteger(), nullable=True),
        sa.Column("thread_id", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("account_id", "thread_id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "allowances",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 0", name=op.f("ck_allowances_used")),
        sa.PrimaryKeyConstraint("chat_id", "account_id", "day", name=op.f("pk_allowances")),
    )
    op.add_column("chats", sa.Column("added_by", sa.BigInteger(), nullable=True))
    op.add_column("chats", sa.Column("hinted_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for name in ("hinted_at", "added_by"):
        op.drop_column("chats", name)
    op.drop_table("allowances")
    op.execute("DELETE FROM preferences WHERE thread_id <> 0")
    _rebuild(*_choices(), sa.PrimaryKeyConstraint("account_id", name=op.f("pk_preferences")))


def _choices() -> tuple[sa.Column, ...]:
    return (
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("aspect_ratio", sa.Text(), nullable=True),
        sa.Column("size", sa.Text(), nullable=True),
        sa.Column("count", sa.BigInteger(), nullable=True),
    )


def _rebuild(*parts: sa.schema.SchemaItem) -> None:
    """Make the table anew, with another key: SQLite cannot change one, and names must fit."""
    old = sa.table("preferences", *map(sa.column, KEPT))
    rows = [dict(row) for row in op.get_bind().execute(sa.select(old)).mappings()]
    op.drop_table("preferences")
    new = op.create_table("preferences", *parts)
    op.bulk_insert(new, rows)
