"""Bans and maintenance beside what is on its way, or drawn anew, over the wire."""

from __future__ import annotations

import asyncio
import threading

from sandbox.gateway import Failure, Reply
from tests.conftest import Start
from tests.support.conversation import PICTURE

ADMIN = "1002"
BANNED = "You can no longer use this bot. Reason: floods everybody"
MAINTENANCE = "The bot is being looked after*"


async def test_a_failed_picture_is_not_drawn_anew_past_a_ban_or_maintenance(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(ADMIN_IDS=ADMIN, **alone) as chat:
        chat.gateway.script(Reply(failure=Failure.UNAUTHORIZED))
        await chat.row(chat.alice, "a red fox", "No pictures can be drawn*")
        await chat.sees(chat.bob, "Pictures fail*")
        await chat.quiet()
        (page,) = await chat.row(chat.bob, "/jobs", "*{↻ 1}")
        await chat.row(chat.bob, "/ban 1001", "*")
        assert (await chat.press(chat.bob, page, "↻ 1")).startswith("He is banned")
        await chat.row(chat.bob, "/unban 1001", "*")
        await chat.row(chat.bob, "/maintenance on", "Maintenance:*")
        assert (await chat.press(chat.bob, page, "↻ 1")).startswith("Maintenance is on")
        await chat.row(chat.bob, "/maintenance off", "Maintenance is over*")
        assert await chat.press(chat.bob, page, "↻ 1") == "Done."
        await chat.sees(chat.alice, "No pictures can be drawn*", PICTURE)


async def test_a_ban_holds_while_it_is_being_committed(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN) as chat:
        held, go_on = threading.Event(), threading.Event()

        def hold(_tx: object) -> None:
            held.set()
            go_on.wait(60)

        holding = asyncio.create_task(chat.store.write(hold))
        try:
            await asyncio.to_thread(held.wait, 60)
            chat.bob.send(chat.bob, "/ban 1001 floods everybody")
            while BANNED not in chat.lines(chat.alice):  # nothing can be committed meanwhile
                before = chat.lines(chat.alice)
                chat.alice.send(chat.alice, "/start")
                await chat.sees(chat.alice, *before, "*")
            chat.alice.send(chat.alice, "a red fox")
        finally:
            go_on.set()
            await holding
        await chat.sees(chat.bob, "*is banned*")
        await chat.quiet()
        assert await chat.states() == []


async def test_a_voice_that_becomes_words_in_maintenance_is_not_drawn(start: Start) -> None:
    async with start(ADMIN_IDS=ADMIN, TRANSCRIPTION_MODEL="whisper-1") as chat:
        gate = chat.gateway.hold()
        chat.alice.send(chat.alice, None, voice=b"OggS" + bytes(4000))
        await chat.gateway.until(lambda: gate.waiting)
        await chat.row(chat.bob, "/maintenance on", "Maintenance:*")
        gate.release()
        await chat.sees(chat.alice, "I heard:*", MAINTENANCE)
        assert await chat.states() == []
        assert await chat.audit() == []
