"""Runs the migrations on the connection that `bot.storage.schema` hands over."""

from typing import Literal

from alembic import context
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeDecorator

from bot.storage.schema import connected, normalised
from bot.storage.tables import METADATA


def render_item(kind: str, item: object, _autogenerate: object) -> str | Literal[False]:
    """Write a column of ours as what the database sees: migrations outlive our types."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance!r}"
    return False


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=True,
        transactional_ddl=True,
        compare_type=True,
        render_item=render_item,
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
