"""A call of a gateway: what is known of it so far, for its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.domain import Answer, CallReport, Drawn, OutcomeKind, Undrawn
from bot.upstream.decode import Reading
from bot.upstream.document import amount
from bot.upstream.errors import plain, unexplained
from bot.upstream.patience import retry_after
from bot.upstream.usage import usage

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    import httpx

    from bot.domain import Outcome
    from bot.upstream.errors import Failed
    from bot.upstream.order import Order


class Call:
    """One call; `began` in seconds of the loop's clock."""

    def __init__(self, order: Order, began: float) -> None:
        self.status: int | None = None
        self.content_type = ""
        self.reading = Reading()
        self._order = order
        self._began = began
        self._repeatable = False
        self._retry_after: float | None = None
        self._request_id: str | None = None
        self._header_cost: Decimal | None = None

    def begin(self, response: httpx.Response, now: datetime) -> None:
        """Take what the answer's head says; raises Failed if its body cannot be read."""
        self.status = response.status_code
        headers = response.headers
        self.content_type = plain(headers.get("content-type", ""), 200)
        ids = (headers.get(name) for name in ("x-oneapi-request-id", "x-request-id"))
        self._request_id = next((plain(found, 200) for found in ids if found), None)
        self._header_cost = amount(headers.get("x-litellm-response-cost", ""))
        self._retry_after = retry_after(headers.get("retry-after", ""), now)
        if headers.get("content-encoding", "identity") != "identity":
            raise unexplained(self.status, "a compressed body, though none was asked for")

    def fail(self, failed: Failed) -> Undrawn:
        """Take a failure, and make it an outcome."""
        self._repeatable = failed.repeatable
        return Undrawn(failed.kind, failed.detail)

    def refuse(self, detail: str) -> Answer:
        """Make the answer of a call that was not made."""
        self._repeatable = True
        return self.answer(Undrawn(OutcomeKind.UNAVAILABLE, detail), self._began)

    def answer(self, outcome: Outcome, ended: float) -> Answer:
        """Make the answer of an outcome."""
        drawn = len(outcome.pictures) if isinstance(outcome, Drawn) else 0
        reading = self.reading
        report = CallReport(
            kind=OutcomeKind.DRAWN if isinstance(outcome, Drawn) else outcome.kind,
            usage=usage(
                reading.counts,
                self._header_cost,
                self._order.profile.price,
                drawn,
                self._order.size,
            ),
            http_status=self.status,
            finish_reason=reading.finish_reason,
            native_reason=reading.native_reason,
            model_returned=reading.model,
            upstream_id=reading.id or self._request_id,
            latency_ms=round((ended - self._began) * 1000),
            detail=outcome.detail if isinstance(outcome, Undrawn) else "",
            repeatable=self._repeatable,
            retry_after=None if drawn else self._retry_after,
        )
        return Answer(outcome, report)
