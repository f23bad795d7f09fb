"""getUpdates: offsets, long polls, the second poller, redelivery."""

from __future__ import annotations

import asyncio
from typing import Any

import telegram as ptb

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import Wire
from tests.support.waiting import patient

CONFLICT = (
    "Conflict: terminated by other getUpdates request; "
    "make sure that only one bot instance is running"
)


def _ids(updates: list[dict[str, Any]]) -> list[int]:
    return [update["update_id"] for update in updates]


async def test_an_update_stays_until_a_higher_offset_confirms_it(
    telegram: Telegram, wire: Wire
) -> None:
    alice = telegram.person("Alice")
    for text in ("a", "b", "c"):
        alice.send(text=text)

    first = _ids(await wire.result("getUpdates"))
    again = _ids(await wire.result("getUpdates", offset=first[0]))
    rest = _ids(await wire.result("getUpdates", offset=first[1], limit=1))

    assert again == first
    assert rest == [first[1]]
    assert _ids(list(telegram.pending_updates)) == first[1:]
    assert telegram.confirmed_offset == first[1]
    assert await wire.result("getUpdates", offset=first[2] + 1) == []
    assert telegram.pending_updates == ()


async def test_a_negative_offset_forgets_all_but_the_last(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    for text in ("a", "b", "c"):
        alice.send(text=text)

    updates = await wire.result("getUpdates", offset=-1)

    assert [update["message"]["text"] for update in updates] == ["c"]
    assert len(telegram.pending_updates) == 1


async def test_a_long_poll_returns_with_the_first_update(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    async with patient():
        poll = asyncio.create_task(wire.result("getUpdates", timeout=50))
        await telegram.until(lambda: telegram.polling)
        alice.send(text="now")

        [update] = await poll

    assert update["message"]["text"] == "now"


async def test_a_second_poller_ends_the_first_with_409(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    async with patient():
        first = asyncio.create_task(wire.call("getUpdates", timeout=50))
        await telegram.until(lambda: telegram.polling)
        second = asyncio.create_task(wire.call("getUpdates", timeout=50))

        body = await first
        alice.send(text="now")

    assert (body["error_code"], body["description"]) == (409, CONFLICT)
    assert len((await second)["result"]) == 1


async def test_allowed_updates_are_remembered(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    await wire.result("getUpdates", allowed_updates=["callback_query"])
    alice.send(text="unheard")
    assert await wire.result("getUpdates") == []
    await wire.result("getUpdates", allowed_updates=[])
    alice.send(text="heard")

    [update] = await wire.result("getUpdates")

    assert update["message"]["text"] == "heard"


async def test_a_webhook_excludes_polling(telegram: Telegram, bot: ptb.Bot, wire: Wire) -> None:
    await bot.set_webhook("https://bot.example/hook", secret_token="s")

    assert (await bot.get_webhook_info()).url == "https://bot.example/hook"
    assert (await wire.call("getUpdates"))["error_code"] == 409
    await bot.delete_webhook()
    assert await wire.result("getUpdates") == []
    assert telegram.violations == []


async def test_confirmed_updates_can_come_again(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    for text in ("a", "b"):
        alice.send(text=text)
    seen = _ids(await wire.result("getUpdates"))
    await wire.result("getUpdates", offset=seen[-1] + 1)

    telegram.redeliver(1)
    same = await wire.result("getUpdates", offset=seen[-1] + 1)
    telegram.redeliver(1, fresh_ids=True)
    fresh = await wire.result("getUpdates", offset=seen[-1] + 1)

    assert _ids(same) == [seen[-1]]
    assert _ids(fresh) == [seen[-1] + 1]
    assert [update["message"]["text"] for update in same + fresh] == ["b", "b"]


async def test_closing_ends_a_poll(telegram: Telegram, wire: Wire) -> None:
    async with patient():
        poll = asyncio.create_task(wire.result("getUpdates", timeout=50))
        await telegram.until(lambda: telegram.polling)
        telegram.close()

        assert await poll == []
