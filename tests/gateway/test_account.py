"""A provider's account: what gateways tell of themselves is read, and what they do not is said."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from bot.gateway.account import Billing, ListedModel, ProviderAccount, TokenUsage
from bot.gateway.errors import AccountError
from tests.gateway.conftest import KEY
from tests.support.wire import Server, reply


@asynccontextmanager
async def provider_account(server: Server) -> AsyncIterator[ProviderAccount]:
    asked = ProviderAccount(f"{server.origin}/v1", SecretStr(KEY))
    try:
        yield asked
    finally:
        await asked.aclose()


def plan(server: Server, path: str, document: object, status: int = 200) -> None:
    server.plan(reply(json.dumps(document).encode(), status), path)


async def test_models_are_listed_with_what_is_known_of_them(server: Server) -> None:
    entries = [
        {"id": "a", "object": "model"},
        {"id": "b", "shutdown_date": "2026-12-01"},
        {"id": "c", "shutdown_date": 1_790_000_000},
        {"id": "d", "shutdown_date": "soon"},
        "no entry",
    ]
    plan(server, "/v1/models", {"object": "list", "data": entries})
    async with provider_account(server) as asked:
        assert await asked.models() == (
            ListedModel("a"),
            ListedModel("b", date(2026, 12, 1)),
            ListedModel("c", date(2026, 9, 21)),
            ListedModel("d"),
        )
    assert server.requests[0].headers["authorization"] == f"bearer {KEY}"


async def test_what_a_key_may_spend_is_asked_beside_the_api(server: Server) -> None:
    data = {
        "name": "bot",
        "total_granted": 1_000_000,
        "total_used": 250_000,
        "total_available": 750_000,
        "unlimited_quota": False,
        "model_limits": {},
        "expires_at": 0,
    }
    plan(server, "/api/usage/token", {"code": True, "message": "ok", "data": data})
    async with provider_account(server) as asked:
        usage = await asked.token_usage()
    assert usage == TokenUsage("bot", 250_000, 750_000, unlimited=False)
    assert usage.dollars(usage.used) == Decimal("0.5")


async def test_a_panel_that_wants_another_slash_is_followed(server: Server) -> None:
    server.plan(reply(b"", 301, location="/api/usage/token/"), "/api/usage/token")
    plan(server, "/api/usage/token/", {"code": True, "data": {"unlimited_quota": True}})
    async with provider_account(server) as asked:
        assert await asked.token_usage() == TokenUsage("", 0, 0, unlimited=True)


@pytest.mark.parametrize(
    ("limit", "told"), [(20.5, Decimal("20.5")), (100_000_000, None), (0, Decimal(0))]
)
async def test_billing_counts_use_in_cents_and_limits_in_dollars(
    limit: float, told: Decimal | None, server: Server
) -> None:
    plan(server, "/v1/dashboard/billing/subscription", {"hard_limit_usd": limit})
    plan(server, "/v1/dashboard/billing/usage", {"object": "list", "total_usage": 123.45})
    async with provider_account(server) as asked:
        assert await asked.billing() == Billing(told, Decimal("1.2345"))


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"success":false,"message":"no such key"}', 200, "no such key"),
        (b'{"code":false,"message":"key expired"}', 200, "key expired"),
        (b'{"error":{"message":"bad key","type":"new_api_error"}}', 401, "bad key (status 401)"),
        (b'{"error":{"message":"bad key"}}', 200, "bad key"),
        (b"<html>Not here</html>", 404, "no JSON (status 404)"),
        (b"<html>Welcome</html>", 200, "no JSON"),
        (b"[]", 200, "no JSON"),
        (b"{}", 200, "no list of models"),
        (b'{"error":"' + KEY.encode() + b'"}', 401, "<secret>"),
    ],
)
async def test_what_is_no_answer_is_told_in_one_line_without_the_key(
    body: bytes, status: int, told: str, server: Server
) -> None:
    server.plan(reply(body, status), "/v1/models")
    async with provider_account(server) as asked:
        with pytest.raises(AccountError) as caught:
            await asked.models()
    assert told in str(caught.value)
    assert KEY not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_gateway_that_is_not_there_is_told_in_one_line() -> None:
    async with provider_account(Server("http://127.0.0.1:9")) as asked:
        with pytest.raises(AccountError, match=r"127\.0\.0\.1:9 does not answer \(ConnectError\)"):
            await asked.models()


async def test_a_number_past_all_proportion_is_no_amount(server: Server) -> None:
    body = b'{"data":{"total_available":1e99999999999999999999,"total_used":7}}'
    server.plan(reply(body), "/api/usage/token")
    async with provider_account(server) as asked:
        assert await asked.token_usage() == TokenUsage("", 7, 0, unlimited=False)


async def test_our_key_is_blanked_before_a_complaint_is_cut(server: Server) -> None:
    key = "AIzaSyD-made-up-for-these-tests"
    plan(server, "/v1/models", {"error": {"message": "b " * 140 + key}}, 401)
    asked = ProviderAccount(f"{server.origin}/v1", SecretStr(key))
    with pytest.raises(AccountError) as refused:
        await asked.models()
    await asked.aclose()
    assert "AIza" not in str(refused.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["data", "id", "shutdown_date", "hard_limit_usd", "total_usage", "error", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(json_values)
def test_any_json_is_read_or_refused(document: object) -> None:
    from bot.gateway import account as reading

    body = json.dumps(document).encode()
    read = reading._document(body)
    assert isinstance(reading._complaint(read or {}), str)
    for value in (document, read):
        reading._day(value)
        reading._quota(value)
