"""What all repositories share: they run statements, built once at import, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, CursorResult, Executable

T = TypeVar("T")


class Repository:
    """The statements of one noun; Postgres' INSERT … ON CONFLICT is what SQLite reads as well."""

    def __init__(self, sql: Connection) -> None:
        self._sql = sql

    @property
    def _has_others(self) -> bool:
        """Whether there may be other processes."""
        return self._sql.dialect.name == "postgresql"

    def _run(self, statement: Executable, /, **values: object) -> CursorResult[*tuple[Any, ...]]:
        return self._sql.execute(statement, values)

    def _one(self, make: Callable[..., T], statement: Executable, /, **values: object) -> T | None:
        row = self._run(statement, **values).mappings().first()
        return None if row is None else make(**row)

    def _all(self, make: Callable[..., T], statement: Executable, /, **values: object) -> list[T]:
        return [make(**row) for row in self._run(statement, **values).mappings()]

    def _any(self, statement: Executable, /, **values: object) -> bool:
        return self._run(statement, **values).first() is not None

    def _value(self, statement: Executable, /, **values: object) -> Any:  # noqa: ANN401 - a column's
        return self._run(statement, **values).scalar()
