"""What several processes on one Postgres have to know of each other, and their queue.

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
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        plain = connection.execution_options(no_parameters=True)
        plain.exec_driver_sql(QUEUE.read_text())


def downgrade() -> None:
    op.drop_column("jobs", "announced_until")
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for table in QUEUE_TABLES:
            connection.exec_driver_sql(f"DROP TABLE procrastinate_{table} CASCADE")
        for drop in connection.execute(sa.text(FUNCTIONS)).scalars().all():
            connection.exec_driver_sql(drop)
        for name in ("to_defer_v1", "status", "event_type"):
            connection.exec_driver_sql(f"DROP TYPE procrastinate_job_{name}")
