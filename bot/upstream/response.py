"""A response in the Responses shape: how it ended, and its output, whole or item by item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.upstream.document import mapping, mappings

if TYPE_CHECKING:
    from collections.abc import Mapping

ITEM = "response.output_item.done"
ENDS = {
    "response.completed": "completed",
    "response.incomplete": "incomplete",
    "response.failed": "failed",
    "response.cancelled": "cancelled",
    "response.canceled": "cancelled",
}
_FAILURES = {
    "failed": "the response failed",
    "cancelled": "the response was cancelled",
    "canceled": "the response was cancelled",
}
# OpenAI's words for it in Chat Completions; `content_filter` is the same in both.
_REASONS = {"max_output_tokens": "length"}


def response(event: Mapping[str, object], status: str) -> dict[str, object]:
    """Take the response out of the event that ends it."""
    inner = mapping(event.get("response")) or event
    return {"object": "response", **inner, "status": status}


def fault(document: Mapping[str, object]) -> dict[str, object] | None:
    """Tell an error of a response that has failed without naming one."""
    words = _FAILURES.get(_status(document))
    return {"message": words} if words else None


def stopped(document: Mapping[str, object]) -> object:
    """Say as a finish reason why a response is incomplete; None if it is not."""
    if _status(document) != "incomplete":
        return None
    reason = mapping(document.get("incomplete_details")).get("reason")
    return _REASONS.get(str(reason), reason or "incomplete")


def better(output: object, items: list[object]) -> object:
    """Choose the whole output, unless more pictures came in the items before it."""
    return items if not output or _drawn(items) > _drawn(output) else output


def _status(document: Mapping[str, object]) -> str:
    status = document.get("status")
    known = document.get("object") == "response" and isinstance(status, str)
    return str(status) if known else ""


def _drawn(output: object) -> int:
    return sum(bool(item.get("result")) for item in mappings(output))
