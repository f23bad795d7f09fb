"""Failures: the bodies of errors as real gateways, and what stands before them, write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

from sandbox.gateway.body import Body, whole
from sandbox.gateway.replies import Failure, Reply

BAD_KEY = "无效的令牌"


def error(
    status: int,
    message: str,
    code: str | int | None,
    kind: str = "new_api_error",
    param: str = "",
) -> Body:
    """Build an error as the new-api family writes it; the message ends with the request's id."""
    said = {"message": message, "type": kind, "param": param, "code": code}
    return whole(json.dumps({"error": said}, ensure_ascii=False).encode(errors="replace"), status)


def document(fields: Mapping[str, object]) -> Body:
    return whole(json.dumps(fields, ensure_ascii=False).encode())


def account_error(status: int, message: str) -> Body:
    said = {"success": False, "message": message}
    return whole(json.dumps(said, ensure_ascii=False).encode(), status)


def unauthorized() -> Body:
    return error(401, f"{BAD_KEY} (request id: sandbox-0)", "")


def scripted(reply: Reply) -> Body:
    """Build the body that a reply gives word for word, or its failure."""
    if reply.body is not None:
        return whole(reply.body, reply.status, reply.content_type, reply.headers)
    return failure(reply, reply.failure or Failure.SERVER_ERROR, 0, "")


def failure(reply: Reply, kind: Failure, call: int, model: str, *, chat: bool = True) -> Body:
    """Build the body of a failure; `chat` says of which kind of answer an empty one is."""
    if kind in _PAGES:
        return _page(*_PAGES[kind])
    if kind is Failure.OK_BUT_TASK:
        return whole(b'{"task_id": "sandbox-task", "status": "processing"}')
    if kind is Failure.EMPTY_CHOICES:
        return whole(_NO_CHOICES if chat else b'{"created": 1760000000, "data": []}')
    status, code, message = _ERRORS[kind]
    body = error(status, f"{message.format(model=model)} (request id: sandbox-{call})", code)
    if kind in {Failure.RATE_LIMITED, Failure.OVERLOADED} and reply.retry_after is not None:
        return replace(body, headers=(("Retry-After", str(reply.retry_after)),))
    return body


_ERRORS: Mapping[Failure, tuple[int, str | int, str]] = {
    Failure.UNAUTHORIZED: (401, "", BAD_KEY),
    Failure.PAYMENT_REQUIRED: (402, 402, "Insufficient credits"),
    Failure.NO_QUOTA: (403, "insufficient_user_quota", "用户额度不足, 剩余额度: $0.00"),
    Failure.RATE_LIMITED: (429, "rate_limit_exceeded", "当前分组上游负载已饱和, 请稍后再试"),
    Failure.SERVER_ERROR: (500, "do_request_failed", "upstream error: do request failed"),
    Failure.BAD_GATEWAY_JSON: (502, "bad_response_status_code", "bad response status code 502"),
    Failure.NO_CHANNEL: (
        503,
        "model_not_found",
        "分组 default 下模型 {model} 无可用渠道 (distributor)",
    ),
    Failure.OVERLOADED: (503, "upstream_overloaded", "upstream overloaded, please try again later"),
    Failure.BLOCKED: (
        400,
        "moderation_blocked",
        "Your request was rejected as a result of our safety system.",
    ),
    Failure.OK_BUT_ERROR: (200, "upstream_error", "upstream returned an error"),
}
_PAGES: Mapping[Failure, tuple[int, str]] = {
    Failure.BAD_GATEWAY: (502, "502 Bad Gateway"),
    Failure.GATEWAY_TIMEOUT: (504, "504 Gateway Time-out"),
    Failure.CLOUDFLARE_UNKNOWN: (
        520,
        "sandbox.example | 520: Web server is returning an unknown error",
    ),
    Failure.CLOUDFLARE_TIMEOUT: (524, "sandbox.example | 524: A timeout occurred"),
    Failure.OK_BUT_HTML: (200, "Welcome to the panel"),
}
_NO_CHOICES = b'{"id": "chatcmpl-sandbox", "object": "chat.completion", "choices": []}'


def _page(status: int, title: str) -> Body:
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
        f"<body><center><h1>{title}</h1></center><hr><center>sandbox</center></body></html>\n"
    )
    return whole(page.encode(), status, "text/html; charset=utf-8")
