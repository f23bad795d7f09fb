"""Errors: the Bot API's way of saying no."""

from __future__ import annotations


class ApiError(Exception):
    """A call answered with `ok: false`; the text is the real server's."""

    def __init__(
        self,
        code: int,
        description: str,
        *,
        retry_after: int | None = None,
        migrate_to: int | None = None,
    ) -> None:
        super().__init__(f"{code} {description}")
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.migrate_to = migrate_to


def bad_request(text: str) -> ApiError:
    """Refuse with 400, worded as the real server words it."""
    return ApiError(400, f"Bad Request: {text}")


def forbidden(text: str) -> ApiError:
    """Refuse with 403."""
    return ApiError(403, f"Forbidden: {text}")
