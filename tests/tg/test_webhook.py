"""The webhook over the wire: each update is confirmed once it is committed, and comes again before."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.domain import StartError
from bot.tg.updates import KINDS
from bot.tg.webhook import default_secret
from bot.web.delivered_updates import HEADER, LONGEST
from sandbox.telegram import Fault, ServerError
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image
from tests.support.pages import free_address
from tests.support.waiting import within

SECRET = "a-secret-that-is-long-enough"
CALL = "setWebhook"


def given(address: str, **changes: str) -> dict[str, str]:
    url = f"http://{address}/telegram"
    return {"WEB_ADDRESS": address, "WEBHOOK_URL": url, "WEBHOOK_SECRET": SECRET, **changes}


def hooks(chat: Conversation) -> list[dict[str, Any]]:
    return [call.params for call in chat.telegram.calls if call.method == CALL]


@pytest.fixture
def address() -> str:
    return free_address()


async def test_a_conversation_comes_by_webhook_in_order(start: Start, address: str) -> None:
    async with start(**given(address)) as chat:
        (picture,) = await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.press(chat.alice, picture, "Again")
        await chat.sees(chat.alice, PICTURE, PICTURE)
        for number in range(5):
            chat.alice.send(text=f"fox {number}")
            chat.bob.send(text=f"hare {number}")
        jobs = await chat.quiet()
        prompts = [job.request.prompt for job in jobs]
        for kind in ("fox", "hare"):
            asked = [words for words in prompts if words.startswith(f"{kind} ")]
            assert asked == [f"{kind} {number}" for number in range(5)]
        (hook,) = hooks(chat)
        assert not hook["drop_pending_updates"]
        assert (hook["allowed_updates"], hook["secret_token"]) == (list(KINDS), SECRET)
        assert not chat.telegram.polling


async def test_a_certificate_of_one_s_own_goes_along(
    start: Start, address: str, tmp_path: Path
) -> None:
    certificate = tmp_path / "webhook.pem"
    certificate.write_text("-----BEGIN CERTIFICATE-----\n")
    async with start(**given(address, WEBHOOK_CERTIFICATE=str(certificate))) as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert hooks(chat)[-1]["certificate"]["bytes"] == certificate.stat().st_size
        await chat.restart(**given(address))
        assert "certificate" not in hooks(chat)[-1]


async def test_an_album_and_its_words_come_by_webhook(start: Start, address: str) -> None:
    async with start(**given(address)) as chat:
        chat.alice.send(album=[image(), image(50, 50)], caption="as a drawing")
        await chat.sees(chat.alice, PICTURE)
        (job,) = await chat.quiet()
        assert len(job.request.sources) == 2


async def test_an_update_comes_again_until_it_is_committed(start: Start, address: str) -> None:
    async with start(**given(address)) as chat:
        with chat.telegram.hold("getChatMember", "before") as gate:
            group = chat.telegram.group("Home", [chat.alice])
            chat.alice.send(group, "/settings")
            await gate.reached()
            assert chat.telegram.pending_updates  # answered once it is done
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)
        chat.telegram.redeliver(1)
        chat.telegram.redeliver(1, fresh_ids=True)
        await chat.telegram.until(lambda: not chat.telegram.pending_updates)


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ({}, b"{}", 403),
        ({HEADER: "another-secret-than-the-one"}, b"{}", 403),
        ({HEADER: SECRET + "\xe9"}, b"{}", 403),
        ({HEADER: SECRET}, b"not JSON", 400),
        ({HEADER: SECRET}, b"[7]", 400),
        ({HEADER: SECRET}, b'{"message": {}}', 400),
        ({HEADER: SECRET}, b'{"update_id": "seven"}', 400),
        ({HEADER: SECRET}, b" " * (LONGEST + 1), 413),
        ({HEADER: SECRET}, b'{"update_id": 7, "message": {"text": 8}}', 200),
    ],
)
async def test_what_is_no_update_is_refused_and_told_without_what_is_in_it(
    start: Start, address: str, head: dict[str, str], body: bytes, status: int
) -> None:
    async with start(**given(address)) as chat, httpx.AsyncClient() as stranger:
        url = f"http://{address}/telegram"
        raw = [(name.encode(), value.encode("latin-1")) for name, value in head.items()]
        with capture_logs() as logs:
            answers = [await stranger.post(url, headers=raw, content=body) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status] * 3
        told = [line for line in logs if "webhook" in line["event"]]
        assert len(told) == (status != 200)  # a flood of them is told once
        assert "secret" not in str(logs)
        assert (await stranger.get(url)).status_code == 405
        await chat.row(chat.alice, "a red fox", PICTURE)


async def test_too_many_at_once_are_told_to_come_again(
    start: Start, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start(**given(address)) as chat, httpx.AsyncClient() as stranger:
        monkeypatch.setattr("bot.tg.webhook.AT_ONCE", 1)
        with chat.telegram.hold("getChatMember", "before") as gate:
            group = chat.telegram.group("Home", [chat.alice])
            chat.alice.send(group, "/settings")
            await gate.reached()
            url, head = f"http://{address}/telegram", {HEADER: SECRET}
            answer = await stranger.post(url, headers=head, json={"update_id": 7})
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
            chat.bob.send(text="a red fox")
        await chat.sees(chat.bob, PICTURE)


async def test_a_change_in_either_direction_loses_no_update(start: Start, address: str) -> None:
    async with start() as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        await chat.end()
        chat.alice.send(text="a blue fox")
        await chat.begin(**given(address))
        await chat.sees(chat.alice, PICTURE, PICTURE)
        await chat.end()
        chat.alice.send(text="a green fox")
        await chat.begin()
        await chat.sees(chat.alice, PICTURE, PICTURE, PICTURE)
        assert chat.telegram.world.updates.webhook is None
        assert len(await chat.jobs()) == 3


async def begun(chat: Conversation, changes: dict[str, str]) -> None:
    """Start a bot and wait for its end."""
    await chat.begin(**changes)
    assert chat.task
    await chat.task


async def test_anothers_webhook_is_replaced_where_that_may_be(start: Start, address: str) -> None:
    left = {"url": "https://elsewhere.example/s3cret"}
    async with start() as chat:
        await chat.end()
        chat.telegram.world.updates.webhook = left
        beginning = begun(chat, given(address, TELEGRAM_DELETE_WEBHOOK="false"))
        with pytest.raises(StartError, match="a webhook at elsewhere") as refused:
            await within(beginning)
        chat.task = None
        assert "s3cret" not in str(refused.value)
        with capture_logs() as logs:
            await chat.begin(**given(address))
            await chat.row(chat.alice, "a red fox", PICTURE)
        assert "s3cret" not in str(logs)


async def test_who_takes_the_webhook_away_is_told_of_and_it_is_set_anew(
    start: Start, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tg.webhook.LOOK_SECONDS", 0.1)
    async with start(**given(address)) as chat:
        await chat.telegram.until(lambda: hooks(chat))
        with capture_logs() as logs:
            chat.telegram.world.deliveries.stop()
            chat.telegram.world.updates.webhook = {"url": "https://elsewhere.example/s3cret"}
            await chat.row(chat.alice, "a red fox", PICTURE)
        assert [line["host"] for line in logs if "another program" in line["event"]] == [
            "elsewhere.example"
        ]


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (CALL, ServerError(500)),
        (CALL, ServerError(200, "<html>log in first</html>")),
        ("getWebhookInfo", ServerError(500)),
        ("getWebhookInfo", ServerError(200, '{"ok":true,"result":{}}')),
        ("getWebhookInfo", ServerError(200, '{"ok":true,"result":7}')),
    ],
)
async def test_a_telegram_that_does_not_answer_is_asked_again(
    start: Start, address: str, method: str, fault: Fault
) -> None:
    async with start() as chat:
        await chat.end()
        chat.telegram.fault(method, fault)
        await chat.begin(**given(address))
        await chat.row(chat.alice, "a red fox", PICTURE)


async def test_what_telegram_could_not_deliver_is_told(
    start: Start, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.tg.webhook.LOOK_SECONDS", 0.1)
    async with start(**given(address)) as chat:
        await chat.telegram.until(lambda: hooks(chat))
        chat.telegram.world.updates.webhook_error = "Connection refused"
        with capture_logs() as logs:
            await asyncio.sleep(0.5)
        told = [line["reason"] for line in logs if "could not deliver" in line["event"]]
        assert told[:1] == ["Connection refused"]


def test_without_a_secret_one_is_made_of_the_token_that_does_not_show_it() -> None:
    one, same, other = (
        default_secret(SecretStr(token)).get_secret_value() for token in ("1:A", "1:A", "1:B")
    )
    assert one == same != other
    assert len(one) == 64
