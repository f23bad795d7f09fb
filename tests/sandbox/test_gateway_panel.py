"""What the gateway says about its models and the key's money, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.gateway import Failure, Reply
from tests.sandbox.client import Client, png

TOKEN_USAGE = "/gateway/api/usage/token"
SUBSCRIPTION = "dashboard/billing/subscription"
USAGE = "dashboard/billing/usage"
PICTURE = 19_500  # quota: 0.039 dollars of 500,000 each


async def listed(client: Client) -> dict[str, dict[str, Any]]:
    answer = await client.http.get("models")
    return {model["id"]: model for model in answer.json()["data"]}


async def used(client: Client) -> int:
    answer = await client.http.get(client.url.removesuffix("/v1") + "/api/usage/token")
    quota: int = answer.json()["data"]["total_used"]
    return quota


async def test_the_list_of_models_says_which_routes_they_serve(client: Client) -> None:
    models = await listed(client)
    assert models["gpt-4o-image"]["supported_endpoint_types"] == ["openai"]
    assert models["gpt-image-1"]["supported_endpoint_types"] == ["image-generation", "image-edit"]
    assert models["imagen-4"]["supported_endpoint_types"] == ["image-generation"]


async def test_a_model_that_ends_says_when(client: Client) -> None:
    models = await listed(client)
    assert models["gpt-image-1"]["shutdown_date"] == "2026-10-23"
    assert "shutdown_date" not in models["flux"]


async def test_a_test_can_retire_a_model(client: Client) -> None:
    gateway = client.gateway
    gateway.models = tuple(model for model in gateway.models if model.id != "flux")
    assert "flux" not in await listed(client)


async def test_every_picture_that_is_drawn_costs_quota(client: Client) -> None:
    assert await used(client) == 0
    await client.post("x sandbox:pictures=2", stream=True)
    await client.generate("x", size="64x64")
    await client.edit("x", ("image", png()), n="3", size="64x64")
    assert await used(client) == 6 * PICTURE


@pytest.mark.parametrize("word", ["text", "error=502", "html", "refuse"])
async def test_nothing_drawn_costs_nothing(client: Client, word: str) -> None:
    await client.post(f"x sandbox:{word}")
    await client.generate(f"x sandbox:{word}")
    assert await used(client) == 0


async def test_a_picture_whose_answer_is_cut_is_paid_for_all_the_same(client: Client) -> None:
    client.gateway.script(Reply(noise=1200, truncate=0.5))
    await client.post("x")
    assert await used(client) == PICTURE


async def test_token_usage_stands_outside_of_v1(client: Client) -> None:
    answer = (await client.http.get(client.url.removesuffix("/v1") + "/api/usage/token")).json()
    assert answer["code"] is True
    data = answer["data"]
    assert data["total_available"] == data["total_granted"] - data["total_used"]
    assert set(data) >= {"name", "unlimited_quota", "model_limits", "expires_at"}
    assert (await client.http.get("api/usage/token")).status_code == 404


async def test_billing_counts_in_dollars_and_in_hundredths_of_them(client: Client) -> None:
    await client.generate("x", n=2, size="64x64")
    subscription = (await client.http.get(SUBSCRIPTION)).json()
    assert (subscription["hard_limit_usd"], subscription["access_until"]) == (100.0, 0)
    assert (await client.http.get(USAGE)).json()["total_usage"] == pytest.approx(7.8)


async def test_a_key_without_limit_has_a_hundred_million_dollars(client: Client) -> None:
    client.gateway.account.unlimited = True
    assert (await client.http.get(SUBSCRIPTION)).json()["hard_limit_usd"] == 100_000_000


@pytest.mark.parametrize("path", [TOKEN_USAGE, SUBSCRIPTION, USAGE])
async def test_the_panel_refuses_a_wrong_key_in_its_own_words(client: Client, path: str) -> None:
    url = client.url.removesuffix("/gateway/v1") + path if path.startswith("/") else path
    answer = await client.http.get(url, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()) == (
        401,
        {"success": False, "message": "无效的令牌"},
    )


async def test_a_page_of_the_panel_can_fail_as_scripted(client: Client) -> None:
    gateway = client.gateway
    gateway.instead["/api/usage/token"] = Reply(body=b"404 page not found", status=404)
    gateway.instead["/v1/models"] = Reply(failure=Failure.BAD_GATEWAY)
    token = await client.http.get(client.url.removesuffix("/v1") + "/api/usage/token")
    assert (token.status_code, token.text) == (404, "404 page not found")
    assert (await client.http.get("models")).status_code == 502
    assert (await client.http.get(USAGE)).status_code == 200
