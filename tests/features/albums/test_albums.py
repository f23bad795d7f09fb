"""Albums: several pictures, one request; over the wire."""

from __future__ import annotations

from hashlib import sha256

import pytest

from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

PICTURES = [image(color=(60 * n, 10, 10)) for n in range(4)]
FILES = [(f"{n}.png", data, "image/png") for n, data in enumerate(PICTURES)]
SHAS = [sha256(data).hexdigest() for data in PICTURES]
ASKS = "What shall I do with these 4 pictures? *write it in your next message. *{*}"


def given(chat: Conversation) -> list[str]:
    return [picture.sha256 for picture in chat.last_call.inputs]


async def test_an_album_is_one_request_whichever_item_has_the_words(chat: Conversation) -> None:
    for item in range(4):
        await chat.row(
            chat.alice, None, PICTURE, documents=FILES, caption=f"merge {item}", caption_on=item
        )
        assert given(chat) == SHAS
        assert chat.last_call.prompt.startswith(f"merge {item}")
    sent = chat.alice.send(album=PICTURES, caption="merge photos")
    await chat.sees(chat.alice, *[PICTURE] * 5)
    assert given(chat) == [sha256(chat.kept(message)).hexdigest() for message in sent]
    assert len(chat.gateway.calls) == 5


async def test_an_album_without_words_waits_for_them(chat: Conversation) -> None:
    await chat.row(chat.alice, None, ASKS, documents=FILES)
    await chat.restart()
    await chat.row(chat.alice, "merge them", PICTURE)
    assert given(chat) == SHAS


async def test_an_album_under_an_unknown_command_is_asked_about(chat: Conversation) -> None:
    await chat.row(chat.alice, None, ASKS, documents=FILES, caption="/nonsense", caption_on=1)
    await chat.row(chat.alice, "merge them", PICTURE)
    assert given(chat) == SHAS


async def test_a_reply_to_one_item_of_an_album_is_about_that_one(chat: Conversation) -> None:
    sent = chat.alice.send(documents=FILES, caption="merge them")
    await chat.sees(chat.alice, PICTURE)
    await chat.row(chat.alice, "only this", PICTURE, reply_to=sent[2]["message_id"])
    assert given(chat) == SHAS[2:3]


async def test_a_restart_within_the_settle_window_loses_nothing(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        chat.alice.send(documents=FILES[:3], caption="merge them")
        await chat.quiet()
        assert chat.from_bot(chat.alice) == []
        await chat.restart(ALBUM_SETTLE_SECONDS="0.2")
        await chat.sees(chat.alice, PICTURE)
        assert given(chat) == SHAS[:3]


async def test_a_restart_keeps_the_window_open_for_the_rest(start: Start) -> None:
    async with start(ALBUM_SETTLE_SECONDS="60") as chat:
        chat.alice.send(documents=FILES, caption="merge them")
        await chat.quiet()
        chat.telegram.redeliver(2, fresh_ids=True)  # known already
        await chat.restart(ALBUM_SETTLE_SECONDS="0.2")
        await chat.sees(chat.alice, PICTURE)
        assert given(chat) == SHAS


async def test_an_album_that_comes_again_is_not_drawn_again(chat: Conversation) -> None:
    await chat.row(chat.alice, None, PICTURE, documents=FILES, caption="merge them")
    chat.telegram.redeliver(4, fresh_ids=True)
    await chat.quiet()
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert len(chat.gateway.calls) == 2


async def test_a_picture_that_missed_its_album_is_told_so(chat: Conversation) -> None:
    (message, *_) = chat.alice.send(documents=FILES, caption="merge them")
    await chat.sees(chat.alice, PICTURE)
    late = {key: message[key] for key in ("document", "media_group_id")}
    chat.alice.post(chat.alice, [late])
    await chat.sees(chat.alice, PICTURE, "This picture came after its album*")
    assert len(chat.gateway.calls) == 1


async def test_an_album_with_more_than_may_be_used_is_refused(start: Start) -> None:
    async with start(MAX_INPUT_IMAGES="3") as chat:
        refusal = "Too many pictures: I can use at most 3 at once."
        await chat.row(chat.alice, None, refusal, documents=FILES, caption="merge them")
        await chat.row(chat.alice, None, refusal, documents=FILES)
        await chat.row(chat.alice, None, PICTURE, documents=FILES[:3], caption="merge them")


async def test_an_album_over_the_limit_is_told_so_once(start: Start) -> None:
    async with start(USER_IMAGES_PER_DAY="1") as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        refusal = "You have used your 1 picture for today.*"
        await chat.row(chat.alice, None, refusal, documents=FILES, caption="merge them")
        assert len(chat.gateway.calls) == 1


@pytest.mark.parametrize("admin", [False, True])
async def test_in_a_group_an_album_is_for_the_bot_if_one_item_says_so(
    start: Start, *, admin: bool
) -> None:
    async with start() as chat:
        group = chat.telegram.group("Friends", [chat.alice, chat.bob])
        if admin:  # then it sees every message
            group.promote_bot()
        await chat.quiet()
        chat.alice.send(group, documents=FILES, caption="look at these")
        await chat.quiet()
        blind = () if admin else ("I saw only one picture of that album*",)
        await chat.row(
            chat.alice, None, PICTURE, *blind, chat=group, documents=FILES, caption="/imagine a mix"
        )
        # In privacy mode Telegram shows a bot only the item that addresses it.
        assert given(chat) == (SHAS if admin else SHAS[:1])
        assert len(chat.gateway.calls) == 1
