"""Calls that better prompts and write voices down have rows; whether prompts are bettered is chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "errands",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("tokens_in", sa.BigInteger(), nullable=True),
        sa.Column("tokens_out", sa.BigInteger(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("cost_source", sa.String(length=16), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_errands")),
    )
    unknown = sa.text("ended_at IS NULL")
    op.create_index(
        "ix_errands_unknown",
        "errands",
        ["id"],
        sqlite_where=unknown,
        postgresql_where=unknown,
    )
    op.create_index("ix_errands_chat_id_message_id", "errands", ["chat_id", "message_id"])
    op.drop_column("voices", "calls")
    op.add_column("preferences", sa.Column("enhance", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("preferences", "enhance")
    calls = sa.Column("calls", sa.BigInteger(), nullable=False, server_default="0")
    op.add_column("voices", calls)
    op.drop_table("errands")
