"""The settings of groups and topics, over the wire: who changes them, and what they hold for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from bot.domain import Scope
from sandbox.telegram.faults import Hang
from tests.conftest import Start
from tests.support.choice import choice
from tests.support.conversation import BUTTONS, PICTURE, Conversation

FIELDS = "Model|Aspect ratio|Pictures|Sent as|Caption line|Language|Ready ping"
GROUP = f"{{{FIELDS}|Keyword|A day, each member|A day, whole group|For me}}"
TOPIC = f"{{{FIELDS}|For this group|For me}}"
NOT_ADMIN = "Only the administrators of this group can change its settings.*"


@pytest_asyncio.fixture
async def small(start: Start, tmp_path: Path) -> AsyncIterator[Conversation]:
    async with start(**choice(tmp_path)) as conversation:
        yield conversation


def ratio(chat: Conversation) -> str | None:
    """Tell the aspect ratio of the gateway's last call."""
    return chat.last_call.aspect_ratio


async def test_an_administrator_changes_a_groups_settings_and_a_member_does_not(
    small: Conversation,
) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    (menu,) = await small.row(
        small.alice, "/settings", f"Settings of this group*{GROUP}", chat=group
    )
    denied = await small.press(small.bob, menu, "Aspect ratio", group)
    assert denied.startswith("Only the administrators of this group")
    await small.press(small.alice, menu, "Aspect ratio", group)
    await small.sees(group, "Settings of this group*{✓ each one's own|1:1|16:9|Back}")
    await small.press(small.alice, menu, "16:9", group)
    await small.sees(group, f"Settings of this group*Aspect ratio: 16:9*{GROUP}")
    for person in (small.alice, small.bob):
        await small.row(person, "/imagine a fox", PICTURE, chat=group)
        assert ratio(small) == "16:9"
    await small.row(small.bob, "a fox", PICTURE)  # in private
    assert ratio(small) is None


async def test_every_member_changes_his_own_choices_in_a_group(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    (menu,) = await small.row(
        small.bob, "/settings", f"Your settings*{{{FIELDS}|For this group}}", chat=group
    )
    denied = await small.press(small.bob, menu, "For this group", group)
    assert denied.startswith("Only the administrators of this group")
    await small.press(small.bob, menu, "Aspect ratio", group)
    await small.sees(group, "Your settings*Back}")
    await small.press(small.bob, menu, "1:1", group)
    await small.sees(group, "Your settings*Aspect ratio: 1:1*")
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=group)
    assert ratio(small) == "1:1"
    await small.row(small.alice, "/imagine a fox", PICTURE, chat=group)
    assert ratio(small) is None
    # The group is stronger than its members, and a flag is stronger than both.
    await small.press(small.alice, menu, "For this group", group)
    await small.sees(group, f"Settings of this group*{GROUP}", PICTURE, PICTURE)
    await small.press(small.alice, menu, "Aspect ratio", group)
    await small.sees(group, "Settings of this group*Back}", PICTURE, PICTURE)
    await small.press(small.alice, menu, "16:9", group)
    await small.sees(group, "Settings of this group*Aspect ratio: 16:9*", PICTURE, PICTURE)
    await small.press(small.bob, menu, "For me", group)
    ruled = "Your settings*Aspect ratio: 1:1 (here 16:9, as the group has it)*"
    await small.sees(group, ruled, PICTURE, PICTURE)
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=group)
    assert ratio(small) == "16:9"
    await small.row(small.bob, "/imagine a fox 1:1", PICTURE, chat=group)
    assert ratio(small) == "1:1"


async def test_a_groups_menu_is_shown_where_nobody_can_say_who_governs_it(
    small: Conversation,
) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    small.telegram.fault("getChatMember", Hang(seconds=4))
    await small.row(small.bob, "/settings", "Settings of this group*", chat=group)


async def test_a_topic_inherits_from_its_group_until_it_has_a_choice_of_its_own(
    small: Conversation,
) -> None:
    forum = small.telegram.group("Forum", [small.alice, small.bob], topics=("Art",))
    art = forum.topic("Art")
    (menu,) = await small.row(
        small.alice, "/settings", f"Settings of this topic*{TOPIC}", chat=forum, thread=art
    )
    await small.press(small.alice, menu, "For this group", forum)
    await small.sees(forum, "Settings of this group*{*|For this topic|For me}")
    for button, shown in (
        ("Aspect ratio", "Settings of this group*Back}"),
        ("16:9", "Settings of this group*Aspect ratio: 16:9*"),
        ("For this topic", "Settings of this topic*Aspect ratio: 16:9 (from the group)*"),
        ("Aspect ratio", "Settings of this topic*{✓ 16:9 (from the group)|1:1|16:9|Back}"),
        ("1:1", "Settings of this topic*Aspect ratio: 1:1*"),
        ("For me", "Your settings*Aspect ratio: automatic (here 1:1, as the topic has it)*"),
        ("For this topic", "Settings of this topic*Aspect ratio: 1:1*"),
    ):
        await small.press(small.alice, menu, button, forum)
        await small.sees(forum, shown)
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=forum, thread=art)
    assert ratio(small) == "1:1"
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=forum)
    assert ratio(small) == "16:9"
    await small.press(small.alice, menu, "Aspect ratio", forum)
    await small.sees(forum, "Settings of this topic*Back}", PICTURE, PICTURE)
    await small.press(small.alice, menu, "16:9 (from the group)", forum)
    await small.sees(
        forum,
        "Settings of this topic*Aspect ratio: 16:9 (from the group)*Model|*",
        PICTURE,
        PICTURE,
    )
    await small.restart()
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=forum, thread=art)
    assert ratio(small) == "16:9"
    denied = await small.press(small.bob, menu, "Aspect ratio", forum)
    assert denied.startswith("Only the administrators of this group")


async def test_an_anonymous_administrator_changes_the_groups_settings(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    (menu,) = await small.row(
        small.alice, "/settings", f"Settings of this group*{GROUP}", chat=group, as_chat=group
    )
    await small.press(small.alice, menu, "Aspect ratio", group)
    await small.sees(group, "Settings of this group*Back}")
    await small.press(small.alice, menu, "16:9", group)
    await small.sees(group, "Settings of this group*Aspect ratio: 16:9*")
    await small.row(small.alice, "a fox", PICTURE)
    assert ratio(small) is None
    await small.row(small.alice, "/imagine a fox", PICTURE, chat=group, as_chat=group)
    assert ratio(small) == "16:9"


async def test_another_chats_buttons_are_stale(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    other = small.telegram.group("Others", [small.bob])
    (menu,) = await small.row(small.alice, "/settings", "Settings of this group*", chat=group)
    (own,) = await small.row(small.alice, "/settings", "Your settings*")
    data = menu["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
    stale = "This button no longer works. Please send your request again."
    for forged in (data, "menu@.:top", "ratio@.:1:1", "set:prefix:draw", "set:send:nothing"):
        assert await small.forge(small.alice, own, forged) == stale
    (menu,) = await small.row(small.bob, "/settings", "Settings of this group*", chat=other)
    query = small.bob.press_only(other, menu["message_id"], data, forged=True)
    answer = await small.telegram.until(lambda: small.telegram.answer_to(query))
    assert answer
    assert answer.text == stale


async def test_the_keyword_addresses_the_bot(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    group.promote_bot()
    (menu,) = await small.row(small.alice, "/settings", "Settings of this group*", chat=group)
    await small.press(small.alice, menu, "Keyword", group)
    await small.sees(group, "*BotFather, /setprivacy*{✓ none|draw|paint|imagine|Back}")
    await small.press(small.alice, menu, "draw", group)
    await small.sees(group, "Settings of this group*Keyword: draw*")
    for said in ("draw a cat", "Draw: a cat", "DRAW, a cat", "draw\na cat"):
        await small.row(small.bob, said, PICTURE, chat=group)
        assert small.last_call.prompt.startswith("a cat")
    before = small.lines(group)
    for said in ("drawing a cat", "withdraw a cat", "I draw a cat", "draw-a-cat"):
        small.bob.send(group, said)
    await small.quiet()
    assert small.lines(group) == before
    await small.row(small.bob, "draw", "What shall I draw?*", chat=group)


async def test_a_keyword_is_typed_by_administrators_only(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    group.promote_bot()
    rows = (
        (small.bob, "/settings prefix zeichne", "Only the administrators of that chat*"),
        (small.alice, "/settings prefix", "Please name one short word*"),
        (small.alice, "/settings prefix /imagine", "Please name one short word*"),
        (small.alice, "/settings prefix two words", "Please name one short word*"),
        (small.alice, "/settings prefix Zeichne", "*Keyword: zeichne*|✓ zeichne|Back}"),
        (small.bob, "zeichne ein Haus", PICTURE),
        (small.alice, "/settings prefix none", "*Keyword: none A day*{✓ none|draw|*"),
    )
    for person, said, expected in rows:
        await small.row(person, said, expected, chat=group)
    await small.row(small.bob, "/settings prefix draw", "A keyword is for groups*")


async def test_the_allowances_of_a_group(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    (menu,) = await small.row(small.alice, "/settings", "Settings of this group*", chat=group)
    for button, shown in (
        ("A day, each member", "*How many pictures each member*"),
        ("2", "Settings of this group*A day, each member: 2*"),
        ("A day, whole group", "*How many pictures all members*"),
        ("3", "Settings of this group*A day, whole group: 3*"),
    ):
        await small.press(small.alice, menu, button, group)
        await small.sees(group, shown)
    member = "In this group each member has 2 pictures a day*"
    everybody = "This group has 3 pictures a day*"
    await small.row(small.bob, "/imagine a fox --count 3", member, chat=group)
    await small.row(small.bob, "/imagine a fox --count 2", PICTURE, PICTURE, chat=group)
    await small.row(small.bob, "/imagine a fox", member, chat=group)
    await small.row(small.alice, "/imagine a fox --count 2", everybody, chat=group)
    (drawn,) = await small.row(small.alice, "/imagine a fox", PICTURE, chat=group)
    assert await small.press(small.alice, drawn, "Again", group) == (
        "This group has 3 pictures a day, and there are not enough left today."
        " It starts anew at 00:00 UTC."
    )
    await small.row(small.bob, "a fox", PICTURE)  # his private chat is none of the group's


async def test_allowances_are_typed_and_usage_tells_what_is_left(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    rows = (
        (small.bob, "/settings member 1", "Only the administrators of that chat can*"),
        (small.alice, "/settings member 4", "*A day, each member: 4*How many pictures each*"),
        (small.alice, "/settings all 7", "*A day, whole group: 7*How many pictures all*"),
        (small.alice, "/settings all many", "*A day, whole group: 7*How many pictures all*"),
        (small.alice, "/settings ratio 16:9", "*Aspect ratio: 16:9*"),
    )
    for person, said, expected in rows:
        await small.row(person, said, expected, chat=group)
    await small.row(small.bob, "/imagine a fox --count 2", PICTURE, PICTURE, chat=group)
    await small.row(small.alice, "/imagine a fox", PICTURE, chat=group)
    mine = "You in this group today – pictures: 2, left: 2 of 4"
    everybody = "All of this group today – pictures: 3, left: 4 of 7"
    (told,) = await small.row(small.bob, "/usage", "What you have used*", chat=group)
    assert told["text"].endswith(f"{mine}\n{everybody}")
    await small.row(small.alice, "/settings member off", "*A day, each member: *", chat=group)
    (told,) = await small.row(small.bob, "/usage", "What you have used*", chat=group)
    assert mine not in told["text"]
    await small.row(small.bob, "/settings ratio 16:9", "Your settings*Aspect ratio: 16:9*")
    await small.row(small.bob, "/settings send file", "Your settings*Sent as: file*")


async def test_what_brought_no_picture_is_given_back(small: Conversation) -> None:
    group = small.telegram.group("Friends", [small.alice, small.bob])
    scope = Scope(group.id)
    await small.store.write(lambda tx: tx.preferences.choose(scope, "member_day", 1))
    refused = "*{Try again}"
    for _ in range(2):
        await small.row(small.bob, "/imagine sandbox:refuse", refused, chat=group)
        await small.quiet()
    await small.row(small.bob, "/imagine a fox", PICTURE, chat=group)
    await small.quiet()
    await small.row(small.bob, "/imagine a fox", "In this group each member has 1*", chat=group)


async def test_pictures_come_as_they_are_wanted(small: Conversation) -> None:
    alice = small.alice
    (menu,) = await small.row(alice, "/settings", "Your settings*")
    await small.press(alice, menu, "Sent as")
    await small.sees(alice, "Your settings*{✓ automatic (photo)|photo|file|photo and file|Back}")
    await small.press(alice, menu, "file")
    await small.sees(alice, "Your settings*Sent as: file*")
    await small.row(alice, "a fox", f"[file picture-1-1.png]* {BUTTONS}")
    await small.press(alice, menu, "Sent as")
    await small.said_last(alice, "[file*")
    await small.telegram.until(lambda: "Back" in small.lines(alice)[0])
    await small.press(alice, menu, "photo and file")
    await small.telegram.until(lambda: "as: photo and file" in small.lines(alice)[0])
    await small.row(alice, "a fox", PICTURE, "[file picture-2-1.png]*")


async def test_a_chosen_language_is_spoken(small: Conversation) -> None:
    alice = small.alice
    (menu,) = await small.row(alice, "/settings", "Your settings*")
    await small.press(alice, menu, "Language")
    await small.sees(alice, "Your settings*{✓ automatic (as in Telegram)|English|*Deutsch|*Back}")
    await small.press(alice, menu, "Deutsch")
    await small.telegram.until(lambda: "Back" not in small.lines(alice)[0])
    await small.row(alice, "a fox", "[photo]* {Noch einmal|*")


async def test_a_ping_is_sent_to_those_who_want_one(start: Start, tmp_path: Path) -> None:
    async with start(READY_PING_SECONDS="0.0001", **choice(tmp_path)) as chat:
        (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
        await chat.row(chat.alice, "a fox", PICTURE)
        await chat.quiet()
        await chat.press(chat.alice, menu, "Ready ping")
        await chat.telegram.until(lambda: "Back" in chat.lines(chat.alice)[0])
        await chat.press(chat.alice, menu, "on")
        await chat.telegram.until(lambda: "Ready ping: on" in chat.lines(chat.alice)[0])
        (_, ping) = await chat.row(chat.alice, "a fox", PICTURE, "*ready*")
        assert ping["reply_to_message"]["text"] == "a fox"
