"""The kill matrix: SIGKILL at every state and during every kind of call, then a new start.

Whatever the moment: each accepted prompt has exactly one picture in the chat, one charge, and
nothing else of the bot's stands there.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain import JobState, Period, now
from bot.jobs.worker import MOST_INTERRUPTED
from bot.storage import Transaction
from sandbox.gateway import Failure, Reply
from sandbox.telegram import Room
from sandbox.telegram.faults import When
from tests.storage.rows import allowance_used
from tests.support.choice import choice
from tests.support.conversation import PICTURE, image
from tests.support.process import Killable, running
from tests.support.waiting import patient

NO_PICTURE = "The model answered with words and no picture:* {Try again}"


async def pictures_charged(bot: Killable, account_id: int) -> int:
    """Tell how many pictures an account was charged for, once nothing is reserved any more."""
    await bot.quiet()
    totals = (await bot.store.read(lambda tx: tx.ledger.totals(account_id, now())))[Period.ALL]
    assert totals.reserved == 0
    return totals.pictures


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_killed_right_after_a_state_was_committed(tmp_path: Path, state: JobState) -> None:
    async with running(tmp_path) as bot:
        bot.alice.send(text="a red fox")
        await bot.reaches(state)
        await bot.revive()
        await bot.sees(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["sendMessage", "sendChatAction", "editMessageMedia"])
async def test_killed_during_a_call_to_telegram(tmp_path: Path, method: str, when: When) -> None:
    async with running(tmp_path) as bot:
        if method == "sendChatAction":  # only a long wait is decorated
            bot.gateway.script(Reply(delay=4))
        with bot.telegram.hold(method, when) as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        await bot.sees(bot.alice, PICTURE)
        assert await pictures_charged(bot, bot.alice.id) == 1


async def test_killed_during_the_gateway_call(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        gate = bot.gateway.hold()
        bot.alice.send(text="a red fox")
        await bot.gateway.until(lambda: gate.waiting)
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1
        # The operator sees the lost call.
        assert len(await bot.store.read(lambda tx: tx.calls.unfinished(10))) == 1


def interrupt_often(tx: Transaction) -> None:
    """Leave calls as if it had been killed as often before."""
    (call,) = tx.calls.unfinished(10)
    job = tx.jobs.get(call.job_id or 0)
    assert job is not None
    for _ in range(MOST_INTERRUPTED - 1):
        tx.calls.start(replace(job, claim=0), call.model, call.host, "chat", now())


async def test_a_job_whose_calls_are_cut_off_time_and_again_is_given_up(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        gate = bot.gateway.hold()
        bot.alice.send(text="a red fox")
        await bot.gateway.until(lambda: gate.waiting)
        await bot.kill()
        gate.release()
        await bot.store.write(interrupt_often)
        await bot.begin()
        await bot.sees(bot.alice, "I was interrupted again and again*{Try again}")
        assert await bot.states() == [JobState.FAILED]
        assert len(bot.gateway.calls) == 1
        assert await pictures_charged(bot, bot.alice.id) == 0


async def test_a_rendered_picture_is_not_bought_again(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        with bot.telegram.hold("editMessageMedia", "before") as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_telling_that_there_is_no_picture(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        bot.gateway.script(Reply(pictures=0, text="I would rather not."), times=2)
        with bot.telegram.hold("editMessageText", when) as gate:
            bot.alice.send(text="a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, NO_PICTURE)
        assert await bot.states() == [JobState.REFUSED]
        assert len(bot.gateway.calls) == 2
        assert await pictures_charged(bot, bot.alice.id) == 0


async def test_killed_while_waiting_to_ask_a_crowded_gateway_again(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        bot.gateway.script(Reply(failure=Failure.RATE_LIMITED, retry_after=15))
        bot.alice.send(text="a red fox")
        await bot.gateway.until(lambda: bot.gateway.calls and bot.gateway.calls[0].status)
        await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 2
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["getFile", "download"])
async def test_killed_while_fetching_a_photo(tmp_path: Path, method: str, when: When) -> None:
    async with running(tmp_path) as bot:
        with bot.telegram.hold(method, when) as gate:
            bot.alice.send(photo=image(), caption="make it blue")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize(("method", "nth"), [("sendMessage", 2), ("editMessageMedia", 2)])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_between_several_pictures(
    tmp_path: Path, method: str, nth: int, when: When
) -> None:
    async with running(tmp_path) as bot:
        bot.gateway.script(Reply(pictures=3))
        held = bot.gateway.hold()
        bot.alice.send(text="three foxes")
        await bot.sees(bot.alice, "Drawing*")
        if method == "editMessageMedia":
            first = bot.telegram.hold(method, "after")
            held.release()
            await first.reached()
            gate = bot.telegram.hold(method, when) if when == "before" else first
            if when == "before":
                first.release()
        else:
            gate = bot.telegram.hold(method, when)
            held.release()
        await gate.reached()
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE, PICTURE, PICTURE)
        assert len(bot.gateway.calls) == 1
        assert await bot.states() == [JobState.DELIVERED]
        assert nth == 2


async def test_an_unconfirmed_update_is_handled_after_the_restart(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.kill()
        bot.alice.send(text="a red fox")
        assert bot.telegram.pending_updates
        await bot.begin()
        await bot.sees(bot.alice, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]


async def test_a_committed_update_that_was_not_confirmed_is_recognised(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        await bot.telegram.until(lambda: bot.telegram.world.updates.polling)
        with bot.telegram.hold("getUpdates", "before"):
            # The poll under way brings the prompt; the next one, which would confirm it, is held.
            bot.alice.send(text="a red fox")
            await bot.reaches(JobState.DELIVERED)
            assert bot.telegram.pending_updates
            await bot.kill()
        await bot.begin()
        assert await bot.states() == [JobState.DELIVERED]
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 1


async def test_an_album_within_its_window_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="3") as bot:
        bot.alice.send(album=[image(), image(), image()], caption="join them", caption_on=1)
        await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        await bot.revive()
        await bot.sees(bot.alice, PICTURE)
        assert len(bot.gateway.calls) == 1
        assert len(bot.gateway.calls[0].inputs) == 3


async def test_pictures_that_wait_for_their_prompt_are_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        bot.alice.send(photo=image())
        ask = "What shall I do with this picture?*"
        await bot.sees(bot.alice, ask)
        await bot.revive()
        await bot.row(bot.alice, "make it blue", PICTURE)
        assert len(bot.gateway.calls[0].inputs) == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_asking_what_to_do_with_a_photo(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        with bot.telegram.hold("sendMessage", when) as gate:
            bot.alice.send(photo=image())
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, "What shall I do with this picture?*")
        await bot.row(bot.alice, "make it blue", PICTURE)
        assert len(bot.gateway.calls[0].inputs) == 1


async def test_killed_with_a_queue(tmp_path: Path) -> None:
    async with running(tmp_path, USER_CONCURRENCY="1") as bot:
        gate = bot.gateway.hold()
        for number in range(5):
            bot.alice.send(text=f"fox {number}")
        await bot.sees(bot.alice, "Drawing*", *["Waiting*"] * 4)
        await bot.kill()
        gate.release()
        await bot.begin()
        await bot.sees(bot.alice, *[PICTURE] * 5)
        assert await pictures_charged(bot, bot.alice.id) == 5


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_killed_with_several_pictures_of_one_prompt(tmp_path: Path, state: JobState) -> None:
    async with running(tmp_path) as bot:
        bot.alice.send(text="a red fox x3")
        await bot.reaches(state)
        await bot.revive()
        await bot.sees(bot.alice, PICTURE, PICTURE, PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 3
        assert await pictures_charged(bot, bot.alice.id) == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["sendMessage", "answerCallbackQuery", "editMessageMedia"])
async def test_killed_while_drawing_variations(tmp_path: Path, method: str, when: When) -> None:
    async with running(tmp_path) as bot:
        (drawn,) = await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        with bot.telegram.hold(method, when) as gate:
            bot.alice.press_only(bot.alice, drawn["message_id"], "Variations")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, *[PICTURE] * 3)
        assert await bot.states() == [JobState.DELIVERED] * 3
        await bot.sees(bot.alice, *[PICTURE] * 3)
        assert await pictures_charged(bot, bot.alice.id) == 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["sendMessage", "answerCallbackQuery", "editMessageReplyMarkup"])
@pytest.mark.parametrize(("level", "button"), [("Ratio ▸", "16:9"), ("Model ▸", "Flash")])
async def test_killed_while_drawing_it_changed(
    tmp_path: Path, level: str, button: str, method: str, when: When
) -> None:
    async with running(tmp_path, **choice(tmp_path, default="pro")) as bot:
        (drawn,) = await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        await bot.press(bot.alice, drawn, level)
        await bot.sees(bot.alice, "[photo]* {*|Back}")
        with bot.telegram.hold(method, when) as gate:
            bot.alice.press_only(bot.alice, drawn["message_id"], button)
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, "[photo]*", PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 2
        assert await pictures_charged(bot, bot.alice.id) == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["sendMessage", "editMessageMedia"])
async def test_killed_while_showing_the_gallery(tmp_path: Path, method: str, when: When) -> None:
    async with running(tmp_path) as bot:
        await bot.row(bot.alice, "a red fox", PICTURE)
        await bot.quiet()
        with bot.telegram.hold(method, when) as gate:
            bot.alice.send(text="/history")
            await gate.reached()
            await bot.telegram.until(lambda: not bot.telegram.pending_updates)
            await bot.kill()
            gate.drop()
        await bot.begin()
        await bot.quiet()
        if method == "editMessageMedia" and when == "before":  # its button fills it
            gallery = await bot.said_last(bot.alice, "Your pictures, one moment…* {Show}")
            await bot.press(bot.alice, gallery, "Show")
            await bot.said_last(bot.alice, "[photo] a red fox* {Edit|Again|Original file|Delete}")
        await bot.row(bot.alice, "a blue fox", PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 2
        assert await pictures_charged(bot, bot.alice.id) == 2


@pytest.mark.parametrize("when", ["before", "after"])
async def test_killed_while_offering_other_models(tmp_path: Path, when: When) -> None:
    async with running(tmp_path, **choice(tmp_path, default="words")) as bot:
        with bot.telegram.hold("sendMessage", when) as gate:
            bot.alice.send(photo=image(), caption="make it blue")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        (offer,) = await bot.sees(bot.alice, "Words draws from words only*{Flash|*}")
        await bot.press(bot.alice, offer, "Flash")
        await bot.sees(bot.alice, "Flash draws this.", PICTURE)
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["sendMessage", "answerCallbackQuery"])
async def test_killed_while_drawing_a_preset(tmp_path: Path, method: str, when: When) -> None:
    async with running(tmp_path) as bot:
        (question,) = await bot.row(bot.alice, None, "What shall I do*", photo=image())
        with bot.telegram.hold(method, when) as gate:
            bot.alice.press_only(bot.alice, question["message_id"], "🧸 Figurine")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(bot.alice, "What shall I do*", PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert await pictures_charged(bot, bot.alice.id) == 1


@pytest.mark.parametrize("confirmed", [True, False])
async def test_killed_between_an_edit_and_its_drawing(tmp_path: Path, *, confirmed: bool) -> None:
    async with running(tmp_path, USER_CONCURRENCY="1") as bot:
        held = bot.gateway.hold()
        bot.alice.send(text="a dog")
        await bot.sees(bot.alice, "Drawing*")
        (message,) = bot.alice.send(text="a red fox")
        await bot.sees(bot.alice, "Drawing*", "Waiting*")
        await bot.telegram.until(lambda: bot.telegram.world.updates.polling)
        gate = None if confirmed else bot.telegram.hold("getUpdates", "before")
        bot.alice.edit(bot.alice, message["message_id"], "a blue fox")
        async with patient():
            while (await bot.jobs())[1].request.prompt != "a blue fox":
                await asyncio.sleep(0)
        await bot.kill()
        held.release()
        if gate:
            gate.release()
        await bot.begin()
        await bot.sees(bot.alice, PICTURE, PICTURE)
        assert await bot.states() == [JobState.DELIVERED] * 2
        prompts = [call.prompt for call in bot.gateway.calls]
        assert sum(prompt.startswith("a blue fox") for prompt in prompts) == 1
        assert not any(prompt.startswith("a red fox") for prompt in prompts)
        assert await pictures_charged(bot, bot.alice.id) == 2


@pytest.mark.parametrize("seed", range(6))
async def test_killed_at_random_moments(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    async with running(tmp_path, ALBUM_SETTLE_SECONDS="0.1") as bot:
        sent = {bot.alice: 0, bot.bob: 0}
        for _ in range(4):
            for person in sent:
                for _ in range(dice.randint(1, 2)):
                    if dice.random() < 0.3:
                        person.send(photo=image(), caption="make it blue")
                    else:
                        person.send(text=f"fox {dice.random()}")
                    sent[person] += 1
            await asyncio.sleep(dice.random() * 0.4)
            await bot.revive()
        for person, number in sent.items():
            await bot.sees(person, *[PICTURE] * number)
        assert set(await bot.states()) == {JobState.DELIVERED}
        for person, number in sent.items():
            await bot.sees(person, *[PICTURE] * number)
            assert await pictures_charged(bot, person.id) == number


async def taken(bot: Killable, group: Room) -> tuple[int, int]:
    """Tell what of a group's allowances is taken: by Alice, and by all."""
    await bot.quiet()
    return await bot.store.read(
        lambda tx: (
            allowance_used(tx, group.id, bot.alice.id, now()),
            allowance_used(tx, group.id, 0, now()),
        )
    )


@pytest.mark.parametrize("state", [JobState.ACCEPTED, JobState.RUNNING, JobState.RENDERED])
async def test_a_kill_takes_of_a_groups_allowance_once(tmp_path: Path, state: JobState) -> None:
    async with running(tmp_path) as bot:
        group = bot.telegram.group("Friends", [bot.alice, bot.bob])
        bot.alice.send(group, "/imagine a red fox")
        await bot.reaches(state)
        await bot.revive()
        await bot.sees(group, PICTURE)
        assert await taken(bot, group) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_kill_gives_an_allowance_back_once(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        group = bot.telegram.group("Friends", [bot.alice, bot.bob])
        bot.gateway.script(Reply(pictures=0, text="I would rather not."), times=2)
        with bot.telegram.hold("editMessageText", when) as gate:
            bot.alice.send(group, "/imagine a red fox")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(group, NO_PICTURE)
        assert await taken(bot, group) == (0, 0)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_groups_choice_outlives_a_kill(tmp_path: Path, when: When) -> None:
    async with running(tmp_path) as bot:
        group = bot.telegram.group("Friends", [bot.alice, bot.bob])
        bot.alice.send(group, "/settings")
        (menu,) = await bot.sees(group, "Settings of this group*")
        await bot.alice.press(group, menu["message_id"], "Keyword")
        await bot.sees(group, "Settings of this group*Back}")
        with bot.telegram.hold("editMessageText", when) as gate:
            bot.alice.press_only(group, menu["message_id"], "draw")
            await gate.reached()
            await bot.kill()
        await bot.begin()
        await bot.sees(group, "Settings of this group*Keyword: draw*")


@pytest.mark.parametrize("moment", ["window", "drawing"])
async def test_a_groups_album_is_drawn_once_after_a_kill(tmp_path: Path, moment: str) -> None:
    settle = "5" if moment == "window" else "0.2"
    async with running(tmp_path, ALBUM_SETTLE_SECONDS=settle) as bot:
        group = bot.telegram.group("Friends", [bot.alice, bot.bob])
        group.promote_bot()  # so it sees all of an album
        held = bot.gateway.hold()
        pictures = [image(color=(shade, 0, 0)) for shade in (10, 20, 30)]
        bot.bob.send(group, album=pictures, caption="@sandbox_bot join them", caption_on=1)
        if moment == "drawing":
            await bot.gateway.until(lambda: held.waiting)
        await bot.telegram.until(lambda: not bot.telegram.pending_updates)
        await bot.kill()
        held.release()
        assert len(bot.gateway.calls) == (moment == "drawing")
        await bot.begin()
        await bot.sees(group, PICTURE)
        assert await bot.states() == [JobState.DELIVERED]
        assert len(bot.gateway.calls[-1].inputs) == 3
        assert await pictures_charged(bot, bot.bob.id) == 1
