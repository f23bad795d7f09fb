"""Failures: the bodies of errors as real gateways, and what stands before them, write them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.sandbox.gateway.replies import Failure

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Body:
    """An answer in pieces, sent in a row: pictures are not copied into one string."""

    pieces: tuple[bytes, ...]
    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def length(self) -> int:
        """Give the length in bytes."""
        return sum(map(len, self.pieces))


def error(status: int, message: str, code: str | int) -> Body:
    """Build an error as the new-api family writes it; the message ends with the request's id."""
    said = {"message": message, "type": "new_api_error", "param": "", "code": code}
    return Body((json.dumps({"error": said}, ensure_ascii=False).encode(),), status)


def failure(kind: Failure, call: int, model: str, retry_after: int) -> Body:
    """Build the body of a failure; `retry_after` in seconds stands on a 429."""
    if kind in _PAGES:
        return _page(*_PAGES[kind])
    if kind in _OTHERS:
        return Body((_OTHERS[kind],))
    status, code, message = _ERRORS[kind]
    body = error(status, f"{message.format(model=model)} (request id: sandbox-{call})", code)
    if kind is Failure.RATE_LIMITED:
        return replace(body, headers=(("Retry-After", str(retry_after)),))
    return body


_ERRORS: Mapping[Failure, tuple[int, str | int, str]] = {
    Failure.UNAUTHORIZED: (401, "", "无效的令牌"),
    Failure.PAYMENT_REQUIRED: (402, 402, "Insufficient credits"),
    Failure.NO_QUOTA: (403, "insufficient_user_quota", "用户额度不足, 剩余额度: $0.00"),
    Failure.RATE_LIMITED: (429, "rate_limit_exceeded", "当前分组上游负载已饱和, 请稍后再试"),
    Failure.SERVER_ERROR: (500, "do_request_failed", "upstream error: do request failed"),
    Failure.NO_CHANNEL: (
        503,
        "model_not_found",
        "分组 default 下模型 {model} 无可用渠道 (distributor)",
    ),
    Failure.OK_BUT_ERROR: (200, "upstream_error", "upstream returned an error"),
}
_PAGES: Mapping[Failure, tuple[int, str]] = {
    Failure.BAD_GATEWAY: (502, "502 Bad Gateway"),
    Failure.GATEWAY_TIMEOUT: (504, "504 Gateway Time-out"),
    Failure.CLOUDFLARE_TIMEOUT: (524, "sandbox.example | 524: A timeout occurred"),
    Failure.OK_BUT_HTML: (200, "Welcome to the panel"),
}
_OTHERS: Mapping[Failure, bytes] = {
    Failure.OK_BUT_TASK: b'{"task_id": "sandbox-task", "status": "processing"}',
    Failure.EMPTY_CHOICES: b'{"id": "chatcmpl-sandbox", "object": "chat.completion", "choices": []}',
}


def _page(status: int, title: str) -> Body:
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
        f"<body><center><h1>{title}</h1></center><hr><center>sandbox</center></body></html>\n"
    )
    return Body((page.encode(),), status, "text/html; charset=utf-8")
