"""Create everything."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "album_items",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("prompt", sa.Text(), nullable=False),
        sa.Column("addressed", sa.Boolean(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name=op.f("pk_album_items")),
    )
    with op.batch_alter_table("album_items", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_album_items_chat_id_group_id_message_id"),
            ["chat_id", "group_id", "message_id"],
            unique=False,
        )

    op.create_table(
        "albums",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("group_id", sa.Text(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "group_id", name=op.f("pk_albums")),
    )
    with op.batch_alter_table("albums", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_albums_last_at"), ["last_at"], unique=False)
        batch_op.create_index(
            "ix_albums_open",
            ["last_at"],
            unique=False,
            sqlite_where=sa.text("closed = 0"),
            postgresql_where=sa.text("NOT closed"),
        )

    op.create_table(
        "asks",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=False),
        sa.Column("sources", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("parent_picture_id", sa.BigInteger(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("question_id", sa.BigInteger(), nullable=True),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name=op.f("pk_asks")),
    )
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_asks_asked_at"), ["asked_at"], unique=False)
        batch_op.create_index(
            "ix_asks_open",
            ["account_id", "chat_id", "thread_id"],
            unique=False,
            sqlite_where=sa.text("open = 1"),
            postgresql_where=sa.text("open"),
        )
        batch_op.create_index(
            "ix_asks_question",
            ["chat_id", "question_id"],
            unique=False,
            sqlite_where=sa.text("question_id IS NOT NULL"),
            postgresql_where=sa.text("question_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_asks_unquestioned",
            ["asked_at"],
            unique=False,
            sqlite_where=sa.text("open = 1 AND question_id IS NULL"),
            postgresql_where=sa.text("open AND question_id IS NULL"),
        )

    op.create_table(
        "chats",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_chats")),
    )
    op.create_table(
        "costs",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "period", "currency", name=op.f("pk_costs")),
    )
    op.create_table(
        "counters",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("period", sa.String(length=10), nullable=False),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False),
        sa.Column("tokens_in", sa.BigInteger(), nullable=False),
        sa.Column("tokens_out", sa.BigInteger(), nullable=False),
        sa.Column("unpriced_calls", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("reserved >= 0", name=op.f("ck_counters_reserved")),
        sa.CheckConstraint("settled >= 0", name=op.f("ck_counters_settled")),
        sa.PrimaryKeyConstraint("account_id", "period", name=op.f("pk_counters")),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=False),
        sa.Column("thread_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("ordinal", sa.BigInteger(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("locale", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("dispatched", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("rendered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status_message_id", sa.BigInteger(), nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("parent_picture_id", sa.BigInteger(), nullable=True),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("after_message_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state IN ('accepted', 'running', 'rendered'))",
            name=op.f("ck_jobs_ended"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint(
            "chat_id", "message_id", "ordinal", name=op.f("uq_jobs_chat_id_message_id_ordinal")
        ),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_jobs_shared_message",
            ["message_id"],
            unique=False,
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )
        batch_op.create_index(
            "ix_jobs_shared_status_message",
            ["status_message_id"],
            unique=False,
            sqlite_where=sa.text("chat_id > -1000000000000 AND status_message_id IS NOT NULL"),
            postgresql_where=sa.text("chat_id > -1000000000000 AND status_message_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_jobs_status_message",
            ["chat_id", "status_message_id"],
            unique=False,
            sqlite_where=sa.text("status_message_id IS NOT NULL"),
            postgresql_where=sa.text("status_message_id IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_jobs_unfinished",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "ix_jobs_unfinished_account",
            ["account_id", "id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "ix_jobs_unfinished_chat",
            ["chat_id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "ix_jobs_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
            postgresql_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
        )

    op.create_table(
        "outgoing",
        sa.Column("chat_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("chat_id", "message_id", name=op.f("pk_outgoing")),
    )
    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_outgoing_at"), ["at"], unique=False)
        batch_op.create_index(
            "ix_outgoing_shared_message",
            ["message_id"],
            unique=False,
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )

    op.create_table(
        "preferences",
        sa.Column("account_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("aspect_ratio", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_preferences")),
    )
    op.create_table(
        "handled",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_handled")),
    )
    with op.batch_alter_table("handled", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handled_at"), ["at"], unique=False)

    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.Column("model_returned", sa.Text(), nullable=True),
        sa.Column("http_status", sa.BigInteger(), nullable=True),
        sa.Column("finish_reason", sa.Text(), nullable=True),
        sa.Column("native_reason", sa.Text(), nullable=True),
        sa.Column("upstream_id", sa.Text(), nullable=True),
        sa.Column("latency_ms", sa.BigInteger(), nullable=True),
        sa.Column("tokens_in", sa.BigInteger(), nullable=True),
        sa.Column("tokens_out", sa.BigInteger(), nullable=True),
        sa.Column("tokens_image", sa.BigInteger(), nullable=True),
        sa.Column("tokens_reasoning", sa.BigInteger(), nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("cost_source", sa.String(length=16), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_attempts_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
    )
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_attempts_job_id"), ["job_id"], unique=False)
        batch_op.create_index(
            "ix_attempts_unknown",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "ledger",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("reserved_delta", sa.BigInteger(), nullable=False),
        sa.Column("settled_delta", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("month", sa.String(length=7), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_ledger_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger")),
        sa.UniqueConstraint("job_id", "kind", name=op.f("uq_ledger_job_id_kind")),
    )
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_account_id"), ["account_id"], unique=False)
        batch_op.create_index(
            "uq_ledger_closed",
            ["job_id"],
            unique=True,
            sqlite_where=sa.text("kind IN ('settle', 'release')"),
            postgresql_where=sa.text("kind IN ('settle', 'release')"),
        )

    op.create_table(
        "pictures",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("mime", sa.Text(), nullable=False),
        sa.Column("width", sa.BigInteger(), nullable=False),
        sa.Column("height", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("chat_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("file_id", sa.Text(), nullable=True),
        sa.Column("original_file_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_pictures_job_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pictures")),
        sa.UniqueConstraint("job_id", "position", name=op.f("uq_pictures_job_id_position")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_pictures_chat_id_message_id"), ["chat_id", "message_id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_pictures_sha256"), ["sha256"], unique=False)
        batch_op.create_index(
            "ix_pictures_shared_message",
            ["message_id"],
            unique=False,
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )


def downgrade() -> None:
    with op.batch_alter_table("pictures", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_pictures_shared_message",
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )
        batch_op.drop_index(batch_op.f("ix_pictures_sha256"))
        batch_op.drop_index(batch_op.f("ix_pictures_chat_id_message_id"))

    op.drop_table("pictures")
    with op.batch_alter_table("ledger", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_ledger_closed",
            sqlite_where=sa.text("kind IN ('settle', 'release')"),
            postgresql_where=sa.text("kind IN ('settle', 'release')"),
        )
        batch_op.drop_index(batch_op.f("ix_ledger_account_id"))

    op.drop_table("ledger")
    with op.batch_alter_table("attempts", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_attempts_unknown",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_attempts_job_id"))

    op.drop_table("attempts")
    op.drop_table("users")
    with op.batch_alter_table("handled", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_handled_at"))

    op.drop_table("handled")
    op.drop_table("preferences")
    with op.batch_alter_table("outgoing", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_outgoing_shared_message",
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )
        batch_op.drop_index(batch_op.f("ix_outgoing_at"))

    op.drop_table("outgoing")
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_jobs_waiting",
            sqlite_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
            postgresql_where=sa.text("started_at IS NULL AND ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_unfinished_chat",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_unfinished_account",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_unfinished",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_status_message",
            sqlite_where=sa.text("status_message_id IS NOT NULL"),
            postgresql_where=sa.text("status_message_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_shared_status_message",
            sqlite_where=sa.text("chat_id > -1000000000000 AND status_message_id IS NOT NULL"),
            postgresql_where=sa.text("chat_id > -1000000000000 AND status_message_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_jobs_shared_message",
            sqlite_where=sa.text("chat_id > -1000000000000"),
            postgresql_where=sa.text("chat_id > -1000000000000"),
        )

    op.drop_table("jobs")
    op.drop_table("counters")
    op.drop_table("costs")
    op.drop_table("chats")
    with op.batch_alter_table("asks", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_asks_unquestioned",
            sqlite_where=sa.text("open = 1 AND question_id IS NULL"),
            postgresql_where=sa.text("open AND question_id IS NULL"),
        )
        batch_op.drop_index(
            "ix_asks_question",
            sqlite_where=sa.text("question_id IS NOT NULL"),
            postgresql_where=sa.text("question_id IS NOT NULL"),
        )
        batch_op.drop_index(
            "ix_asks_open",
            sqlite_where=sa.text("open = 1"),
            postgresql_where=sa.text("open"),
        )
        batch_op.drop_index(batch_op.f("ix_asks_asked_at"))

    op.drop_table("asks")
    with op.batch_alter_table("albums", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_albums_open",
            sqlite_where=sa.text("closed = 0"),
            postgresql_where=sa.text("NOT closed"),
        )
        batch_op.drop_index(batch_op.f("ix_albums_last_at"))

    op.drop_table("albums")
    with op.batch_alter_table("album_items", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_album_items_chat_id_group_id_message_id"))

    op.drop_table("album_items")
