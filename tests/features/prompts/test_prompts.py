"""Prompts in a private chat, over the wire: a text, a picture with words, a picture without."""

from __future__ import annotations

import io
from hashlib import sha256

import pillow_heif
import pytest
from PIL import Image

from bot.domain import JobState
from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

pillow_heif.register_heif_opener()

ASKS = "What shall I do with this picture? *write it in your next message. *{*}"
UNREADABLE = "I cannot read this as a picture.*"


def given(chat: Conversation) -> list[str]:
    """Name the pictures of the gateway's last call."""
    return [picture.sha256 for picture in chat.last_call.inputs]


def heic() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (20, 90, 30)).save(file, "HEIF")
    return file.getvalue()


async def test_every_text_makes_a_picture(chat: Conversation) -> None:
    texts = (
        "a red fox",
        "/imagine a red fox",
        "/imagine@sandbox_bot a red fox",
        "@sandbox_bot a red fox",
        "一只红色的狐狸",
        "a *fox_ [with](broken <b>markup</i> & `ticks",
        "🦊" * 2048,  # 4096 UTF-16 units: all that a message holds
    )
    for text in texts:
        await chat.row(chat.alice, text, PICTURE)
        prompt = text.removeprefix("/imagine").removeprefix("@sandbox_bot").strip()
        assert chat.last_call.prompt.startswith(prompt)


async def test_broken_markup_in_a_caption_is_just_words(chat: Conversation) -> None:
    for caption in ("*bold _never [closed](", "<b>a</i> &lt; `", "](tg://user?id=1) ||"):
        await chat.row(chat.alice, None, PICTURE, photo=image(), caption=caption)
        assert chat.last_call.prompt == f"{caption} Output an image."


async def test_a_text_of_4096_emoji_is_drawn_whole(chat: Conversation) -> None:
    await chat.row(chat.alice, "🦊" * 4096, PICTURE)
    assert chat.last_call.prompt.count("🦊") == 4096


async def test_a_picture_with_words_is_edited(chat: Conversation) -> None:
    files = {
        "image/jpeg": ("a.jpg", image(form="JPEG"), "image/jpeg"),
        "image/png": ("a.png", image(form="PNG"), "image/png"),
        "image/webp": ("a.webp", image(form="WEBP"), "image/webp"),
    }
    for mime, file in files.items():
        await chat.row(chat.alice, None, PICTURE, document=file, caption="make it blue")
        (given,) = chat.last_call.inputs
        assert (given.mime, given.sha256) == (mime, sha256(file[1]).hexdigest())
    mislabelled = ("scan.PNG", image(form="JPEG"), "application/octet-stream")
    await chat.row(chat.alice, None, PICTURE, document=mislabelled, caption="make it blue")
    assert chat.last_call.inputs[0].mime == "image/jpeg"  # by its magic bytes
    photographed = ("a.heic", heic(), "image/heic")
    await chat.row(chat.alice, None, PICTURE, document=photographed, caption="make it blue")
    assert chat.last_call.inputs[0].mime == "image/jpeg"  # gateways do not take HEIC
    (drawn,) = await chat.row(chat.alice, None, PICTURE, photo=image(), caption="/imagine blue")
    assert chat.last_call.prompt.startswith("blue")
    photo = sha256(chat.kept(drawn["reply_to_message"])).hexdigest()
    assert chat.last_call.inputs[0].sha256 == photo


async def test_a_grey_picture_of_16_bits_is_sent_with_its_tones(chat: Conversation) -> None:
    ramp = io.BytesIO()
    grey = Image.linear_gradient("L").rotate(90).resize((2600, 60))
    grey.convert("I").point(lambda value: value * 257).convert("I;16").save(ramp, "PNG")
    file = ("ramp.png", ramp.getvalue(), "image/png")
    await chat.row(chat.alice, None, PICTURE, document=file, caption="colour it")
    (sent,) = chat.last_call.inputs
    with Image.open(chat.folder / "media" / sent.sha256[:2] / sent.sha256) as image:
        at = [image.convert("L").getpixel((image.width * n // 4, 20)) for n in (1, 2, 3)]
    assert at == pytest.approx([64, 128, 192], abs=4)


async def test_a_picture_without_words_waits_for_the_next_message(chat: Conversation) -> None:
    first, second = image(color=(1, 2, 3)), image(color=(250, 250, 3))
    file = ("a.png", first, "image/png")
    await chat.row(chat.alice, None, ASKS, document=file)
    await chat.row(chat.alice, "make it blue", PICTURE)
    assert given(chat) == [sha256(first).hexdigest()]
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()  # it was used up
    await chat.row(chat.alice, None, ASKS, document=file)
    await chat.row(chat.alice, None, ASKS, document=("b.png", second, "image/png"))
    await chat.row(chat.alice, "/help", "What I can do:*")
    await chat.row(chat.bob, "a blue fox", PICTURE)
    assert chat.last_call.inputs == ()  # Alice's picture is not Bob's
    await chat.row(chat.alice, "make it green", PICTURE)
    assert given(chat) == [sha256(second).hexdigest()]


async def test_a_picture_waits_for_its_words_through_a_restart(chat: Conversation) -> None:
    file = ("a.png", image(), "image/png")
    await chat.row(chat.alice, None, ASKS, document=file)
    await chat.restart()
    await chat.row(chat.alice, "make it blue", PICTURE)
    assert given(chat) == [sha256(file[1]).hexdigest()]


async def test_cancel_forgets_the_waiting_picture(chat: Conversation) -> None:
    await chat.row(chat.alice, None, ASKS, photo=image())
    await chat.row(chat.alice, "/cancel", "The picture that was waiting is forgotten.*")
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()


async def test_a_reply_to_an_older_question_is_about_its_photo(chat: Conversation) -> None:
    first, second = ("a.png", image(), "image/png"), ("b.png", image(65), "image/png")
    (question,) = await chat.row(chat.alice, None, ASKS, document=first)
    await chat.row(chat.alice, None, ASKS, document=second)
    await chat.row(chat.alice, "make it blue", PICTURE, reply_to=question["message_id"])
    assert given(chat) == [sha256(first[1]).hexdigest()]
    await chat.row(chat.alice, "make it green", PICTURE)
    assert given(chat) == [sha256(second[1]).hexdigest()]


async def test_a_reply_with_words_edits_the_replied_picture(chat: Conversation) -> None:
    file = ("a.png", image(), "image/png")
    (asked,) = await chat.row(chat.alice, None, ASKS, document=file)
    document = asked["reply_to_message"]["message_id"]
    await chat.row(chat.alice, "make it blue", PICTURE, reply_to=document)
    assert given(chat) == [sha256(file[1]).hexdigest()]
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert chat.last_call.inputs == ()  # the question was answered by the reply
    (own,) = chat.alice.send(photo=image(), caption="make it red")
    await chat.quiet()
    await chat.row(chat.alice, "no, yellow", PICTURE, reply_to=own["message_id"])
    assert given(chat) == [sha256(chat.kept(own)).hexdigest()]


async def test_a_reply_to_a_picture_of_another_chat_edits_it(chat: Conversation) -> None:
    kept = chat.alice.keep_file(("a.png", image(), "image/png"), None)
    origin = {"type": "user", "date": 1_700_000_000, "sender_user": chat.bob.user.form()}
    chat.alice.post(chat.alice, [{"text": "blue", "external_reply": {"origin": origin, **kept}}])
    await chat.sees(chat.alice, PICTURE)
    assert given(chat) == [sha256(image()).hexdigest()]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_reply_to_the_bots_picture_edits_the_original_bytes(
    start: Start, *, restarted: bool
) -> None:
    async with start() as chat:
        (first,) = await chat.row(chat.alice, "sandbox:format=png a red fox", PICTURE)
        await chat.committed()
        noise = chat.folder.joinpath("media")
        if restarted:
            await chat.restart()
        await chat.row(chat.alice, "now in winter", PICTURE, reply_to=first["message_id"])
        (given,) = chat.last_call.inputs
        kept = [sha256(p.read_bytes()).hexdigest() for p in noise.rglob("*") if p.is_file()]
        assert given.sha256 in kept
        assert given.sha256 != sha256(chat.kept(first)).hexdigest()  # Telegram's is a JPEG
        assert given.mime == "image/png"


async def test_what_is_no_prompt_gets_an_answer(chat: Conversation) -> None:
    alice = chat.alice
    await chat.row(alice, None, UNREADABLE, document=("a.pdf", b"%PDF-1.7", "application/pdf"))
    await chat.row(alice, "/imagine", "What shall I draw?*")
    await chat.row(alice, "/nonsense", "I do not know this command.*/help*")
    await chat.row(alice, "/nonsense a fox", "I do not know this command.*/help*")
    for content in (
        {"sticker": STICKER},
        {"voice": {"file_id": "v", "file_unique_id": "v", "duration": 3}},
        {"location": {"longitude": 1.5, "latitude": 2.5}},
    ):
        before = chat.lines(alice)
        alice.post(alice, [content])
        await chat.sees(alice, *before, "I understand words and pictures only.*")
    before = chat.lines(alice)
    pinned = chat.telegram.messages(alice)[0]
    alice.post(alice, [{"pinned_message": pinned}])
    await chat.quiet()
    await chat.sees(alice, *before)
    assert chat.gateway.calls == []


STICKER = {
    "file_id": "s",
    "file_unique_id": "s",
    "type": "regular",
    "width": 512,
    "height": 512,
    "is_animated": True,
    "is_video": False,
}


async def test_pictures_that_are_none_are_explained_and_cost_nothing(chat: Conversation) -> None:
    damaged = image(600, 600, "JPEG")
    damaged = damaged[: len(damaged) // 2]
    bomb = io.BytesIO()
    Image.new("1", (12_000, 12_000)).save(bomb, "PNG")
    too_large = "This picture is too large: at most 20 MB.*"
    rows = (
        (("a.png", b"not a picture at all" * 50, "image/png"), UNREADABLE),
        (("a.jpg", damaged, "image/jpeg"), UNREADABLE),
        (
            ("bomb.png", bomb.getvalue(), "application/octet-stream"),
            "This picture has too many pixels: at most 50*",
        ),
        (("a.svg", b"<svg/>", "image/svg+xml"), UNREADABLE),
    )
    for file, answer in rows:
        explained = f"{answer}Nothing was charged.*"
        await chat.row(chat.alice, None, explained, document=file, caption="make it blue")
    large = ("a.png", image() + bytes(30_000_000), "image/png")
    await chat.row(chat.alice, None, too_large, document=large, caption="make it blue")
    assert chat.gateway.calls == []
    assert await chat.states() == [JobState.FAILED] * len(rows)
    await chat.row(chat.alice, "/usage", "*All time ? pictures: 0")


async def test_updates_that_come_twice_are_drawn_once(chat: Conversation) -> None:
    await chat.row(chat.alice, "a red fox", PICTURE)
    await chat.row(chat.alice, None, ASKS, photo=image())
    chat.telegram.redeliver(2)
    chat.telegram.redeliver(2, fresh_ids=True)
    await chat.quiet()
    await chat.row(chat.alice, "make it blue", PICTURE)
    assert len(chat.from_bot(chat.alice)) == 3
    assert len(chat.gateway.calls) == 2
