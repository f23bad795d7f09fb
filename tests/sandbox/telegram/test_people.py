"""What people do, and what of it reaches the bot."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import Wire
from tests.sandbox.telegram.pictures import picture


def _heard(telegram: Telegram) -> list[dict[str, Any]]:
    return [next(reversed(update.values())) for update in telegram.pending_updates]


def _texts(telegram: Telegram) -> list[str | None]:
    return [message.get("text") or message.get("caption") for message in _heard(telegram)]


async def test_privacy_mode_passes_commands_mentions_and_replies(
    telegram: Telegram, wire: Wire
) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    sent = await wire.result("sendMessage", chat_id=friends.id, text="hello")
    alice.send(friends, "just talk")
    alice.send(friends, "/imagine a cat")
    alice.send(friends, "/imagine@other_bot a cat")
    alice.send(friends, "😀 see /imagine@Sandbox_Bot")
    alice.send(friends, "hey @sandbox_bot, a dog")
    alice.send(friends, "again", reply_to=sent["message_id"])
    alice.send(friends, photo=picture(), caption="@sandbox_bot bluer")
    alice.send(friends, photo=picture(), caption="nobody asked")

    assert _texts(telegram) == [
        "/imagine a cat",
        "😀 see /imagine@Sandbox_Bot",
        "hey @sandbox_bot, a dog",
        "again",
        "@sandbox_bot bluer",
    ]
    assert telegram.violations == []


async def test_without_privacy_mode_or_as_administrator_the_bot_hears_all() -> None:
    nosy = Telegram("1:x", privacy=False)
    admin = Telegram("1:x")
    for telegram in (nosy, admin):
        alice = telegram.person("Alice")
        friends = telegram.group("Friends", [alice])
        if telegram is admin:
            friends.promote_bot()
        alice.send(friends, "just talk")

        assert _heard(telegram)[-1]["text"] == "just talk"


async def test_an_album_comes_in_separate_updates(telegram: Telegram) -> None:
    alice = telegram.person("Alice")

    sent = alice.send(album=[picture()] * 3, caption="second", caption_on=1)

    assert _heard(telegram) == sent
    assert [message.get("caption") for message in sent] == [None, "second", None]
    assert len({message["media_group_id"] for message in sent}) == 1
    files = alice.send(documents=[("a.png", picture(kind="PNG"), "image/png")] * 2)
    assert [file["document"]["mime_type"] for file in files] == ["image/png"] * 2
    assert telegram.violations == []


async def test_a_topic_marks_its_messages(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice], topics=("Art",))
    art = friends.topic("Art")

    [there] = alice.send(friends, "/x", thread=art)
    [general] = alice.send(friends, "/x", thread=friends.topic("General"))
    sent = await wire.result("sendMessage", chat_id=friends.id, message_thread_id=art, text="x")
    to_general = await wire.refusal(
        "sendMessage", chat_id=friends.id, message_thread_id=1, text="x"
    )

    assert (there["message_thread_id"], there["is_topic_message"]) == (art, True)
    assert there["reply_to_message"]["forum_topic_created"]["name"] == "Art"
    assert "message_thread_id" not in general
    assert sent["is_topic_message"] is True
    assert to_general == "Bad Request: message thread not found"
    assert telegram.violations == []


async def test_a_supergroup_without_topics_numbers_its_reply_threads(
    telegram: Telegram, wire: Wire
) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    [first] = alice.send(friends, "/a")
    [second] = alice.send(friends, "/b", reply_to=first["message_id"])
    [third] = alice.send(friends, "/c", reply_to=second["message_id"])

    assert [second["message_thread_id"], third["message_thread_id"]] == [first["message_id"]] * 2
    assert "is_topic_message" not in third
    thread = first["message_id"]
    refusal = await wire.refusal(
        "sendMessage", chat_id=friends.id, message_thread_id=thread, text="x"
    )
    assert refusal == "Bad Request: message thread not found"


async def test_a_channel_post_hides_its_author(telegram: Telegram, wire: Wire) -> None:
    alice, bob = telegram.person("Alice"), telegram.person("Bob")
    news = telegram.channel("News", [alice])

    [post] = alice.send(news, "/imagine a cat")
    alice.edit(news, post["message_id"], "/imagine a dog")
    sent = await wire.result("sendMessage", chat_id=news.id, text="done")

    kinds = [next(reversed(update)) for update in telegram.pending_updates]
    assert kinds == ["channel_post", "edited_channel_post"]
    assert "from" not in post
    assert post["sender_chat"]["title"] == "News"
    assert "from" not in sent
    with pytest.raises(PermissionError):
        bob.send(news, "me too")
    assert telegram.violations == []


async def test_an_anonymous_administrator_is_the_group(telegram: Telegram) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    news = telegram.channel("News", [alice])

    [hidden] = alice.send(friends, "/x", as_chat=friends)
    [masked] = alice.send(friends, "/x", as_chat=news)

    assert hidden["from"]["username"] == "GroupAnonymousBot"
    assert hidden["sender_chat"]["id"] == friends.id
    assert masked["from"]["username"] == "Channel_Bot"
    assert masked["sender_chat"]["id"] == news.id
    assert telegram.violations == []


async def test_edits_and_deletions(telegram: Telegram) -> None:
    alice, bob = telegram.person("Alice"), telegram.person("Bob")
    friends = telegram.group("Friends", [alice, bob])
    [photo] = bob.send(photo=picture(), caption="one")
    [talk] = bob.send(friends, "/x")

    edited = bob.edit(bob, photo["message_id"], "two")
    alice.delete(friends, talk["message_id"])

    assert (edited["caption"], edited["photo"]) == ("two", photo["photo"])
    assert "edit_date" in edited
    assert next(reversed(telegram.pending_updates[-1])) == "edited_message"
    assert telegram.messages(friends) == []
    with pytest.raises(PermissionError):
        alice.edit(bob, photo["message_id"], "mine")
    assert telegram.violations == []


async def test_a_client_sends_4096_characters_whatever_their_width(telegram: Telegram) -> None:
    alice = telegram.person("Alice")

    [message] = alice.send(text="😀" * 4096)

    assert len(message["text"]) == 4096
    with pytest.raises(ValueError, match="at most 4096"):
        alice.send(text="😀" * 4097)


async def test_waiting_in_vain_tells_the_transcript(telegram: Telegram, wire: Wire) -> None:
    alice = telegram.person("Alice")
    friends = telegram.group("Friends", [alice])
    alice.send(friends, photo=picture(), caption="look")
    keys = {"inline_keyboard": [[{"text": "Again", "callback_data": "a"}]]}
    await wire.result("sendMessage", chat_id=alice.id, text="hi", reply_markup=keys)

    with pytest.raises(TimeoutError) as caught:
        await telegram.until(lambda: telegram.messages(alice)[1], timeout=0.05)

    assert "#1 Sandbox: hi [Again]" in str(caught.value)
    assert "#2 Alice: <photo 640x480> look" in telegram.transcript(friends)


async def test_members_are_listed(telegram: Telegram, wire: Wire) -> None:
    alice, bob, eve = (telegram.person(name) for name in ("Alice", "Bob", "Eve"))
    friends = telegram.group("Friends", [alice, bob])

    async def status(user_id: int) -> str:
        member = await wire.result("getChatMember", chat_id=friends.id, user_id=user_id)
        return str(member["status"])

    assert [await status(person.id) for person in (alice, bob, eve)] == [
        "creator",
        "member",
        "left",
    ]
    friends.promote_bot()
    admins = await wire.result("getChatAdministrators", chat_id=friends.id)
    assert [admin["user"]["id"] for admin in admins] == [alice.id, telegram.bot.id]
    chat = await wire.result("getChat", chat_id=friends.id)
    assert (chat["type"], chat["title"]) == ("supergroup", "Friends")
    topic = await wire.refusal("createForumTopic", chat_id=friends.id, name="Art")
    assert topic == "Bad Request: the chat is not a forum"
    assert telegram.violations == []
