"""Runs the migrations on the connection that `bot.storage.schema` hands over."""

from typing import Literal

from alembic import context
from alembic.runtime.migration import MigrationContext, MigrationInfo
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeDecorator

from bot.storage.schema import connected, normalised
from bot.storage.tables import METADATA


def render_item(kind: str, item: object, _autogenerate: object) -> str | Literal[False]:
    """Write a column of ours as what the database sees: migrations outlive our types."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def note_oldest(*, ctx: MigrationContext, step: MigrationInfo, **_: object) -> None:
    """Note in the database whose program works beside the new one (docs/decisions/0029).

    A program that is older than a migration cannot read it there.
    """
    sql, scripts = ctx.connection, step.destination_revisions
    oldest = getattr(scripts[0].module, "works_with", None) if scripts else None
    if sql is None:
        return
    if "works_with" not in {one["name"] for one in inspect(sql).get_columns("alembic_version")}:
        if oldest is None:
            return
        sql.execute(text("ALTER TABLE alembic_version ADD COLUMN works_with VARCHAR(32)"))
    sql.execute(text("UPDATE alembic_version SET works_with = :oldest"), {"oldest": oldest})


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
        render_item=render_item,
        on_version_apply=note_oldest,
    )
    with context.begin_transaction():
        context.run_migrations()


def run_from_the_command_line() -> None:
    """For `alembic -x url=sqlite:///data/bot.db revision --autogenerate`."""
    with connected(normalised(context.get_x_argument(as_dictionary=True)["url"])) as connection:
        run(connection)


if "connection" in context.config.attributes:
    run(context.config.attributes["connection"])
else:
    run_from_the_command_line()
