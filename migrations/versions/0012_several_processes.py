"""What several processes on one Postgres have to know of each other, and their queue.

That is who is logged in, what was probed, and up to when Telegram may not be called. And a
broadcast's photo.

The queue's schema is that of procrastinate, as 0012_queue.sql has it; another version's is another
migration (docs/dependencies.md).
"""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

QUEUE = Path(__file__).with_name("0012_queue.sql")
QUEUE_TABLES = ("periodic_defers", "events", "jobs", "workers")
FUNCTIONS = """
SELECT 'DROP FUNCTION ' || oid::regprocedure FROM pg_proc
WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
"""


def upgrade() -> None:
    announced = sa.Column("announced_until", sa.DateTime(timezone=True), nullable=True)
    op.add_column("jobs", announced)
    op.add_column("broadcasts", sa.Column("photo", sa.Text(), nullable=True))
    held = sa.Column("held_until", sa.DateTime(timezone=True), nullable=True)
    op.add_column("pending", held)
    op.create_index("ix_actions_verb", "actions", ["verb", "id"])
    op.create_table(
        "paces",
        sa.Column("key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("taken_to", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_paces")),
    )
    op.create_table(
        "logins",
        sa.Column("hash", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("browser", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("locale", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("spent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_logins")),
    )
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        op.execute("ALTER TABLE paces SET UNLOGGED")  # what a crash loses of it is over by then
        plain = connection.execution_options(no_parameters=True)
        plain.exec_driver_sql(QUEUE.read_text())


def downgrade() -> None:
    op.drop_index("ix_actions_verb", "actions")
    op.drop_table("logins")
    op.drop_table("paces")
    op.drop_column("broadcasts", "photo")
    op.drop_column("pending", "held_until")
    op.drop_column("jobs", "announced_until")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in QUEUE_TABLES:
            connection.exec_driver_sql(f"DROP TABLE procrastinate_{table} CASCADE")
        for drop in connection.execute(sa.text(FUNCTIONS)).scalars().all():
            connection.exec_driver_sql(drop)
        for name in ("to_defer_v1", "status", "event_type"):
            connection.exec_driver_sql(f"DROP TYPE procrastinate_job_{name}")
