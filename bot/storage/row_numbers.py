"""Row numbers: which was given last, also to a row that is gone, and where giving goes on."""

from __future__ import annotations

from sqlalchemy import Connection, text


def last_given(connection: Connection, table: str) -> int:
    """Tell the last number that the database gave to a row of a table; 0 where it cannot tell."""
    if connection.dialect.name == "sqlite":  # which counts where it must not give one again
        query = f"SELECT max(seq) FROM sqlite_sequence WHERE name = '{table}'"  # noqa: S608 - our tables
    else:
        query = f"SELECT pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass)"
    return connection.scalar(text(query)) or 0


def continue_from(connection: Connection, table: str, number: int) -> None:
    """Let the next number be above this one, also where no row has it."""
    if not number:
        return
    if connection.dialect.name != "sqlite":
        query = f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {number})"
        connection.execute(text(query))
        return
    connection.execute(text(f"DELETE FROM sqlite_sequence WHERE name = '{table}'"))  # noqa: S608
    connection.execute(text(f"INSERT INTO sqlite_sequence VALUES ('{table}', {number})"))  # noqa: S608
