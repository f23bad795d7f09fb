"""An operator's words to many, over the wire: seen before, sent once, and stopped by a press."""

from __future__ import annotations

import time

import pytest

from bot.domain import now
from bot.domain.administration import Broadcast
from bot.features.admin.broadcasting import read_command
from bot.storage import Transaction
from bot.storage.broadcasts import Broadcasts
from sandbox.telegram import Flood, Person
from tests.conftest import Start
from tests.support.conversation import Conversation, image

BOB = "1002"
HELLO = "Hello, all of you!"
ASKED = HELLO + "  ―――― This goes to {} people, to each once. {{Send|Cancel}}"
ASKED_ONE = HELLO + "  ―――― This goes to 1 person, once. {Send|Cancel}"


async def know(chat: Conversation, *people: Person) -> None:
    """Have the bot know people, as if each had written to it."""
    at = now()

    def seen(tx: Transaction) -> None:
        for person in people:
            language = "de" if person.name == "Dave" else "en"
            tx.people.seen_user(person.id, person.name, None, language, at)
            tx.people.seen_chat(person.id, "private", None, at)

    await chat.store.write(seen)


async def test_everybody_hears_it_once_after_the_operator_has_seen_it(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        carol, dave = chat.telegram.person("Carol"), chat.telegram.person("Dave")
        await know(chat, chat.alice, carol, dave)
        dave.block()
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED.format(3))
        assert chat.lines(chat.alice) == []
        assert await chat.press(chat.bob, draft, "Send") == ""
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 2 of 3. Not reached: 1 *Unknown: 0.")
        for person in (chat.alice, carol):
            assert chat.lines(person) == [HELLO]
        assert (await chat.forge(chat.bob, draft, "publish:1")).startswith("This button no longer")
        (action,) = await chat.store.read(lambda tx: tx.actions.latest(9))
        assert (action.target, action.after) == (
            "broadcast:1",
            {"state": "running", "people": 3},
        )


async def test_an_update_that_is_brought_again_makes_no_second_draft(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await know(chat, chat.alice)
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", "*This goes to 1 *")
        chat.telegram.redeliver(1, fresh_ids=True)
        await chat.row(chat.bob, "/id", "You: *")
        assert len(chat.from_bot(chat.bob)) == 2
        assert await chat.store.read(lambda tx: tx.broadcasts.get(2)) is None
        await chat.press(chat.bob, draft, "Send")
        await chat.sees(chat.alice, HELLO)


async def test_some_hear_it_and_a_draft_can_be_dropped(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        dave = chat.telegram.person("Dave")
        await know(chat, chat.alice, dave)
        asked = f"/broadcast days=30 language=de {HELLO}"
        (draft,) = await chat.row(chat.bob, asked, ASKED_ONE)
        await chat.press(chat.bob, draft, "Cancel")
        await chat.said_last(chat.bob, f"{HELLO}*Stopped. Sent: 0 of 0.*")
        (draft,) = await chat.row(chat.bob, asked, ASKED_ONE)
        await chat.press(chat.bob, draft, "Send")
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 1 of 1.*")
        assert (chat.lines(chat.alice), chat.lines(dave)) == ([], [HELLO])


async def test_a_press_stops_it_and_who_was_written_to_stays_so(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        carol = chat.telegram.person("Carol")
        await know(chat, chat.alice, carol)
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED.format(2))
        with chat.telegram.hold("sendMessage", "before") as gate:
            await chat.press(chat.bob, draft, "Send")
            await gate.reached()
            running = await chat.said_last(chat.bob, f"{HELLO}*Sent: 0 of 2.*{{Cancel}}")
            await chat.press(chat.bob, running, "Cancel")
        await chat.said_last(chat.bob, f"{HELLO}*Stopped. Sent: 1 of 2.*")
        assert (chat.lines(chat.alice), chat.lines(carol)) == ([HELLO], [])


async def test_it_goes_on_where_another_process_has_taken_the_next_one_meanwhile(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int | None] = []
    step = Broadcasts.next

    def overtaken(broadcasts: Broadcasts, found: Broadcast) -> int | None:
        """Step after somebody who led before, and was killed in between."""
        if not taken:
            taken.append(step(broadcasts, found))
        return step(broadcasts, found)

    async with start(ADMIN_IDS=BOB) as chat:
        carol, dave = chat.telegram.person("Carol"), chat.telegram.person("Dave")
        await know(chat, chat.alice, carol, dave)
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED.format(3))
        monkeypatch.setattr(Broadcasts, "next", overtaken)
        await chat.press(chat.bob, draft, "Send")
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 2 of 3. Not reached: 0 *Unknown: 1.")
        assert taken == [chat.alice.id]
        assert [chat.lines(one) for one in (chat.alice, carol, dave)] == [[], [HELLO], [HELLO]]


def times(chat: Conversation, *people: Person) -> list[float]:
    """When Telegram was asked to write to these."""
    ids = {person.id for person in people}
    calls = (call for call in chat.telegram.calls if call.method == "sendMessage")
    return [call.at for call in calls if call.params.get("chat_id") in ids]


async def test_it_is_no_faster_than_the_bot_may_be(start: Start) -> None:
    rate = 20
    async with start(ADMIN_IDS=BOB, TELEGRAM_MAX_RATE=str(rate)) as chat:
        people = [chat.telegram.person(f"Person {number}") for number in range(12)]
        await know(chat, *people)
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED.format(12))
        pressed = time.time()
        await chat.press(chat.bob, draft, "Send")
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 12 of 12.*")
        for number, at in enumerate(times(chat, *people)):
            assert at - pressed >= number / rate  # slower it may be


async def test_a_flood_in_the_middle_is_waited_out_and_nobody_is_left_out(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        carol, dave = chat.telegram.person("Carol"), chat.telegram.person("Dave")
        await know(chat, chat.alice, carol, dave)
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED.format(3))
        chat.telegram.fault("sendMessage", Flood(1), after=1)
        await chat.press(chat.bob, draft, "Send")
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 3 of 3. Not reached: 0 *Unknown: 0.")
        for person in (chat.alice, carol, dave):
            assert chat.lines(person) == [HELLO]
        refused, again = times(chat, carol)
        assert again - refused >= 1
        assert times(chat, dave) > [again]  # the others wait, too


async def test_what_is_bold_or_a_link_stays_so(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await know(chat, chat.alice)
        command = "/broadcast days=30 "
        words = "🎉 Read the news!"
        bold = {"type": "bold", "offset": len(command) + 3, "length": 4}
        link = {"type": "text_link", "offset": len(command) + 12, "length": 4}
        given = [bold, link | {"url": "https://example.org/"}]
        asked = f"{words}*This goes to 1 person, once.*"
        (draft,) = await chat.row(chat.bob, command + words, asked, entities=given)
        await chat.press(chat.bob, draft, "Send")
        (message,) = await chat.sees(chat.alice, words)
        for shown in (draft, message):
            assert shown["entities"] == [
                {"type": "bold", "offset": 3, "length": 4},
                {"type": "text_link", "offset": 12, "length": 4, "url": "https://example.org/"},
            ]


async def test_a_photo_goes_with_its_caption_and_is_seen_before(start: Start) -> None:
    async with start(ADMIN_IDS=BOB, TELEGRAM_MAX_RATE="20") as chat:
        carol = chat.telegram.person("Carol")
        await know(chat, chat.alice, carol)
        command = "/broadcast days=30 "
        bold = {"type": "bold", "offset": len(command), "length": 5}
        shown, draft = await chat.row(
            chat.bob,
            None,
            f"[photo] {HELLO}",
            ASKED.format(2),
            photo=image(),
            caption=command + HELLO,
            entities=[bold],
        )
        await chat.press(chat.bob, draft, "Send")
        await chat.said_last(chat.bob, f"{HELLO}*Sent: 2 of 2.*")
        for person in (chat.alice, carol):
            (message,) = await chat.sees(person, f"[photo] {HELLO}")
            assert chat.kept(message) == chat.kept(shown)
            assert message["caption_entities"] == [bold | {"offset": 0}]
        long = f"/broadcast {'a' * 1010} {'b' * 14}"
        await chat.row(chat.bob, None, "Write it like this*", photo=image(), caption=long)
        assert chat.gateway.calls == []


async def test_nobody_else_can_write_to_all(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        await know(chat, chat.alice)
        await chat.row(chat.alice, f"/broadcast {HELLO}", "I do not know this command*")
        (draft,) = await chat.row(chat.bob, f"/broadcast {HELLO}", ASKED_ONE)
        (mine,) = await chat.row(chat.alice, "/id", "You: *")
        stale = "This button no longer works. Please send your request again."
        assert await chat.forge(chat.alice, mine, "publish:1") == stale
        assert draft


@pytest.mark.parametrize(
    ("words", "read"),
    [
        ("hello", ("hello", None, "")),
        ("days=7 hello\nthere", ("hello\nthere", 7, "")),
        ("language=pt-br days=0 x", ("x", 0, "pt-br")),
        ("hello days=7", ("hello days=7", None, "")),
        ("days=x hello", None),
        ("days=7", None),
        ("language=1 hello", None),
        ("", None),
        ("a" * 3501, None),
    ],
)
def test_options_stand_before_the_words(words: str, read: tuple[str, int | None, str]) -> None:
    assert read_command(words) == read


async def test_what_would_reach_nobody_is_not_offered(start: Start) -> None:
    async with start(ADMIN_IDS=BOB) as chat:
        said = "There is nobody whom that would reach."
        await chat.row(chat.bob, f"/broadcast language=fi {HELLO}", said)
