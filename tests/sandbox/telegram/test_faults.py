"""Faults on demand, seen through python-telegram-bot."""

from __future__ import annotations

import asyncio
import logging

import pytest
import telegram as ptb

from sandbox.telegram import (
    BadRequest,
    Flood,
    Forbidden,
    Hang,
    ResetAfter,
    ResetBefore,
    ServerError,
    Telegram,
)
from sandbox.telegram.faults import Fault
from tests.sandbox.telegram.conftest import TOKEN
from tests.sandbox.telegram.pictures import picture
from tests.support.waiting import patient


@pytest.fixture(autouse=True)
def _new_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # else RetryAfter warns when it is made


@pytest.mark.parametrize(
    ("fault", "error", "processed"),
    [
        (Flood(3), ptb.error.RetryAfter, False),
        (Forbidden(), ptb.error.Forbidden, False),
        (BadRequest("no"), ptb.error.BadRequest, False),
        (ServerError(), ptb.error.NetworkError, False),
        (ResetBefore(), ptb.error.NetworkError, False),
        (ResetAfter(), ptb.error.NetworkError, True),
    ],
)
async def test_a_fault_meets_one_call(
    telegram: Telegram,
    bot: ptb.Bot,
    caplog: pytest.LogCaptureFixture,
    fault: Fault,
    error: type[Exception],
    processed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    alice = telegram.person("Alice")
    telegram.fault("sendPhoto", fault)

    await bot.send_message(alice.id, "before")
    with pytest.raises(error):
        await bot.send_photo(alice.id, picture())
    assert ["photo" in message for message in telegram.messages(alice)[1:]] == [True] * processed
    await bot.send_photo(alice.id, picture())

    assert telegram.violations == []
    ours = [record for record in caplog.records if not record.name.startswith("telegram")]
    assert [record for record in ours if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("processed", [True, False])
async def test_a_hanging_call_times_out(
    telegram: Telegram,
    bot: ptb.Bot,
    processed: bool,  # noqa: FBT001 - a column of the table
) -> None:
    alice = telegram.person("Alice")
    telegram.fault("*", Hang(30, processed))

    with pytest.raises(ptb.error.TimedOut):
        await bot.send_message(alice.id, "x", read_timeout=1)

    assert len(telegram.messages(alice)) == processed


async def test_everything_floods_for_a_while(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    telegram.during(1, Flood(1))

    async with patient():
        refused = 0
        while not telegram.messages(alice):
            try:
                await bot.send_message(alice.id, "x")
            except ptb.error.RetryAfter:
                refused += 1

    assert refused > 0
    assert [call.status for call in telegram.calls if call.method == "sendMessage"] == [
        429
    ] * refused + [200]


@pytest.mark.parametrize(("when", "there"), [("before", 0), ("after", 1)])
async def test_a_gate_stops_a_call_before_or_after_it_is_processed(
    telegram: Telegram, bot: ptb.Bot, when: str, there: int
) -> None:
    alice = telegram.person("Alice")
    with telegram.hold("sendMessage", "before" if when == "before" else "after") as gate:
        call = asyncio.create_task(bot.send_message(alice.id, "x"))
        await gate.reached()

        assert (len(telegram.messages(alice)), gate.waiting, call.done()) == (there, 1, False)

    assert (await call).text == "x"
    assert len(telegram.messages(alice)) == 1


async def test_a_call_dropped_at_the_gate_never_happens(telegram: Telegram, bot: ptb.Bot) -> None:
    alice = telegram.person("Alice")
    gate = telegram.hold("sendMessage")
    call = asyncio.create_task(bot.send_message(alice.id, "x"))
    await gate.reached()

    gate.drop()

    with pytest.raises(ptb.error.NetworkError):
        await call
    assert telegram.messages(alice) == []


async def test_a_call_held_at_the_gate_happens_though_its_client_is_gone(
    telegram: Telegram, bot: ptb.Bot
) -> None:
    alice = telegram.person("Alice")
    gate = telegram.hold("sendMessage")
    with pytest.raises(ptb.error.TimedOut):
        await bot.send_message(alice.id, "x", read_timeout=1)

    gate.release()

    [message] = await telegram.until(lambda: telegram.messages(alice))
    assert message["text"] == "x"


async def test_a_download_can_fail(telegram: Telegram, bot: ptb.Bot) -> None:
    [photo] = telegram.person("Alice").send(photo=picture())
    file = await bot.get_file(photo["photo"][-1]["file_id"])
    telegram.fault("download", ResetBefore())

    with pytest.raises(ptb.error.NetworkError):
        await file.download_as_bytearray()
    assert await file.download_as_bytearray()


@pytest.mark.parametrize("path", [f"bot{TOKEN}/sendMessage", "sandbox/api/send"])
async def test_a_client_killed_while_it_sends_has_sent_nothing(
    telegram: Telegram, url: str, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    alice = telegram.person("Alice")
    port = int(url.rpartition(":")[2])
    half = f"chat_id={alice.id}&text=half".encode()
    head = (
        f"POST /{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(half) + 9}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode() + half)
    writer.write_eof()

    async with patient():
        assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()

    assert telegram.messages(alice) == []
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
