"""A provider's account: what a gateway offers and what money is left, asked for by operators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import httpx
from pydantic import SecretStr

from bot.gateway.errors import AccountError, MalformedJson, hiding, plain
from bot.gateway.json import Json, amount, mappings, parse

_LARGEST = 16 * 1024 * 1024  # bytes; a long list of models is one
_SECONDS = 30.0
_QUOTA_A_DOLLAR = 500_000  # new-api's default, which its operators can change
_MOST = 10**18
_NOT_ACCEPTED = {401, 403}
_FOR_EVER = 100_000_000  # what one-api says for "no limit"


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model that a gateway lists; `retires` where it says so."""

    id: str
    retires: date | None = None


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """What new-api's panel says of a key, in quota units: 500,000 are a dollar unless changed."""

    name: str
    used: int
    available: int
    unlimited: bool

    @staticmethod
    def dollars(quota: int) -> Decimal:
        return Decimal(quota) / _QUOTA_A_DOLLAR


@dataclass(frozen=True, slots=True)
class Billing:
    """What one-api's billing routes say, in dollars; no `limit` where there is none."""

    limit: Decimal | None
    used: Decimal


class ProviderAccount:
    """Asks one gateway about itself; `url` ends before the route.

    Redirects are followed, since panels differ in their last slash; httpx keeps the key for
    the same origin only.
    """

    def __init__(self, url: str, key: SecretStr, *, proxy: str = "") -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._client = httpx.AsyncClient(
            timeout=_SECONDS,
            proxy=proxy or None,
            trust_env=False,
            max_redirects=3,
            follow_redirects=True,
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def models(self) -> tuple[ListedModel, ...]:
        """List the models, in the gateway's order. Raises AccountError."""
        document = await self._get(f"{self._url}/models")
        if not isinstance(document.get("data"), list):
            raise AccountError("GET /models: no list of models came back")
        return tuple(
            ListedModel(
                plain(name, 200) if isinstance(name := entry.get("id"), str) else "",
                _day(entry.get("shutdown_date")),
            )
            for entry in mappings(document.get("data"))
        )

    async def token_usage(self) -> TokenUsage:
        """Tell what the key may spend and has spent. Raises AccountError.

        The route stands at the origin, not under `/v1`, and is of the new-api family.
        """
        document = await self._get(f"{self._url.removesuffix('/v1')}/api/usage/token")
        data = document.get("data")
        if not isinstance(data, dict):
            raise AccountError("GET /api/usage/token: nothing about the key came back")
        return TokenUsage(
            name=plain(name, 100) if isinstance(name := data.get("name"), str) else "",
            used=_quota(data.get("total_used")),
            available=_quota(data.get("total_available")),
            unlimited=data.get("unlimited_quota") is True,
        )

    async def billing(self) -> Billing:
        """Tell limit and use by the older billing routes. Raises AccountError."""
        subscription = await self._get(f"{self._url}/dashboard/billing/subscription")
        usage = await self._get(f"{self._url}/dashboard/billing/usage")
        limit = amount(subscription.get("hard_limit_usd"), _MOST)
        used = amount(usage.get("total_usage"), _MOST)
        if limit is None or used is None:
            raise AccountError("the billing routes tell no amounts")
        # The total counts cents; the limit does not.
        return Billing(limit if limit < _FOR_EVER else None, used / 100)

    async def _get(self, url: str) -> Json:
        asked, key, body = httpx.URL(url), self._key.get_secret_value(), bytearray()
        where, host = f"GET {asked.path}", asked.netloc.decode()
        headers = {"Authorization": f"Bearer {key}"}
        try:
            async with self._client.stream("GET", url, headers=headers) as response:
                async for piece in response.aiter_bytes():
                    body += piece
                    if len(body) > _LARGEST:
                        raise AccountError(f"GET {response.url.path}: the answer has no end")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = f"{host} does not answer ({type(error).__name__})"
            raise AccountError(f"{said}: is that its address, and is there a way to it?") from None
        document = _document(body)
        with hiding(key):
            complaint = _complaint(document or {})
        if document is None or not response.is_success:
            said = f"{where}: {complaint or 'no JSON'} (status {response.status_code})"
            refused = response.status_code in _NOT_ACCEPTED
            raise AccountError(f"{host} does not accept the key: {said}" if refused else said)
        if complaint:  # under status 200, as panels do
            raise AccountError(f"{where}: {complaint}")
        return document


def _document(body: bytes | bytearray) -> Json | None:
    try:
        document = parse(body.decode("utf-8-sig", "replace"))
    except MalformedJson:
        return None
    return document if isinstance(document, dict) else None


def _complaint(document: Mapping[str, object]) -> str:
    """Find the error of an answer: OpenAI's form, or the panels' `success: false`."""
    error = document.get("error")
    words = error.get("message") if isinstance(error, dict) else error
    if not words and (document.get("success") is False or document.get("code") is False):
        words = document.get("message") or "refused"
    return plain(words, 300) if isinstance(words, str) else ""


def _day(value: object) -> date | None:
    try:
        if isinstance(value, str):
            return date.fromisoformat(value[:10])
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _quota(value: object) -> int:
    return int(amount(value, _MOST) or 0)
