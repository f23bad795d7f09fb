"""Files, over the wire: what moves or is too much for a photo, and stickers and GIFs as pictures."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from sandbox.gateway import Reply
from tests.features.prompts.test_flags import charged
from tests.media.test_animated import MIMES, film
from tests.support.conversation import BUTTONS, PICTURE, Conversation, image

ASKS = "What shall I do with this picture? *write it in your next message. *{*}"


def answering(data: bytes, mime: str) -> Reply:
    """Make the gateway answer with exactly this picture."""
    url = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    message = {"role": "assistant", "content": f"![image]({url})"}
    body = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return Reply(body=json.dumps(body).encode())


def transparent(side: int) -> bytes:
    file = BytesIO()
    Image.new("RGBA", (side, side), (200, 30, 30, 90)).save(file, "PNG")
    return file.getvalue()


def sticker(chat: Conversation, data: bytes, **about: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Keep a sticker's file; its message is `content`."""
    kept = chat.alice.keep_file(("sticker.webp", data, "image/webp"), None)["document"]
    names = ("file_id", "file_unique_id", "file_size")
    plain = {
        "type": "regular",
        "width": 512,
        "height": 512,
        "is_animated": False,
        "is_video": False,
    }
    return {"sticker": {name: kept[name] for name in names} | plain | about}


def thumbnail(chat: Conversation) -> dict[str, Any]:
    photo: list[dict[str, Any]] = chat.alice.send(photo=image(200, 200))[0]["photo"]
    return photo[-1]


@pytest.mark.parametrize("form", ["PNG", "WEBP", "GIF"])
async def test_what_moves_comes_as_a_file_that_moves(chat: Conversation, form: str) -> None:
    data = film(form)
    chat.gateway.script(answering(data, MIMES[form]))
    (drawn,) = await chat.row(chat.alice, "a film", f"[file picture-1-1.{form.lower()}]* {BUTTONS}")
    assert chat.kept(drawn) == data
    calls = [call for call in chat.telegram.calls if call.method == "editMessageMedia"]
    assert calls[-1].params["media"]["disable_content_type_detection"]


async def test_a_vector_drawing_comes_as_a_file_and_counts_as_a_picture(chat: Conversation) -> None:
    data = b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20"><circle r="4"></circle></svg>'
    chat.gateway.script(answering(data, "image/svg+xml"))
    (drawn,) = await chat.row(chat.alice, "a logo", f"[file picture-1-1.svg]* {BUTTONS}")
    assert chat.kept(drawn) == data
    assert chat.telegram.violations == []
    await chat.quiet()
    assert await charged(chat, chat.alice.id) == (1, 0)


async def test_a_still_picture_comes_as_a_photo(chat: Conversation) -> None:
    chat.gateway.script(answering(film("WEBP", 1), "image/webp"))
    await chat.row(chat.alice, "a picture", PICTURE)


@pytest.mark.parametrize("data", [transparent(64), transparent(1400), image(1600, 900)])
async def test_what_a_photo_loses_is_at_once_behind_a_button(
    chat: Conversation, data: bytes
) -> None:
    chat.gateway.script(answering(data, "image/png"))
    (drawn,) = await chat.row(chat.alice, "a picture", f"[photo]* {BUTTONS}")
    assert chat.kept(drawn) != data
    assert await chat.press(chat.alice, drawn, "Original file") == "Here is the original file."
    whole = await chat.said_last(chat.alice, "[file picture-1-1.png]*")
    assert chat.kept(whole) == data


async def test_a_sticker_is_a_picture(chat: Conversation) -> None:
    data = image(512, 512, "WEBP")
    (sent,) = chat.alice.post(chat.alice, [sticker(chat, data)])
    await chat.sees(chat.alice, ASKS)
    await chat.row(chat.alice, "make it blue", PICTURE)
    (given,) = chat.last_call.inputs
    assert given.mime == "image/webp"
    await chat.row(chat.alice, "make it green", PICTURE, reply_to=sent["message_id"])
    assert chat.last_call.inputs == (given,)


@pytest.mark.parametrize("kind", ["is_animated", "is_video"])
async def test_a_moving_sticker_is_its_thumbnail(chat: Conversation, kind: str) -> None:
    small = thumbnail(chat)
    await chat.sees(chat.alice, ASKS)
    moving = sticker(chat, b"\x1f\x8b tgs", **{kind: True}, thumbnail=small)
    chat.alice.post(chat.alice, [moving])
    await chat.sees(chat.alice, ASKS, ASKS)
    await chat.row(chat.alice, "make it blue", PICTURE)
    assert len(chat.last_call.inputs) == 1


async def test_a_moving_sticker_without_a_thumbnail_is_explained(chat: Conversation) -> None:
    chat.alice.post(chat.alice, [sticker(chat, b"tgs", is_animated=True)])
    await chat.sees(chat.alice, "I understand words and pictures only.*")


async def test_of_a_gif_the_first_frame_is_taken(chat: Conversation) -> None:
    file = ("a.gif", film("GIF"), "image/gif")
    await chat.row(chat.alice, None, PICTURE, document=file, caption="make it blue")
    assert [given.mime for given in chat.last_call.inputs] == ["image/jpeg"]
    nameless = ("a.GIF", film("GIF"), "application/octet-stream")
    await chat.row(chat.alice, None, PICTURE, document=nameless, caption="make it blue")
    small = thumbnail(chat)
    await chat.sees(chat.alice, PICTURE, PICTURE, ASKS)
    kept = chat.alice.keep_file(("a.mp4", b"\0\0\0 ftypmp42", "video/mp4"), None)["document"]
    about = {"width": 200, "height": 200, "duration": 1, "thumbnail": small}
    content = {"animation": kept | about, "document": kept, "caption": "make it green"}
    chat.alice.post(chat.alice, [content])
    await chat.sees(chat.alice, PICTURE, PICTURE, ASKS, PICTURE)
    assert chat.last_call.prompt.startswith("make it green")
    assert [given.mime for given in chat.last_call.inputs] == ["image/jpeg"]


async def test_in_groups_a_thrown_sticker_is_no_request(chat: Conversation) -> None:
    group = chat.telegram.group("Friends", [chat.alice, chat.bob])
    group.promote_bot()
    (drawn,) = await chat.row(chat.alice, "/imagine a fox", PICTURE, chat=group)
    thrown = sticker(chat, image(512, 512, "WEBP"))
    (sent,) = chat.bob.post(group, [thrown], reply_to=drawn["message_id"])
    await chat.quiet()
    assert len(chat.lines(group)) == 1
    said = {"chat": group, "reply_to": sent["message_id"]}
    await chat.row(chat.alice, "/imagine the same in blue", PICTURE, **said)
    assert len(chat.last_call.inputs) == 1


@pytest.mark.parametrize(
    ("name", "mime", "taken"),
    [
        ("IMG_0001.JPG", "application/octet-stream", True),
        ("IMG_0001", "application/octet-stream", True),
        ("scan.jfif", "application/octet-stream", True),
        ("IMG_0001", "image/jpeg", True),
        ("archive.zip", "application/octet-stream", False),
        ("IMG_0001", "application/zip", False),
    ],
)
async def test_a_file_that_does_not_say_what_it_is_may_be_a_picture(
    chat: Conversation, name: str, mime: str, *, taken: bool
) -> None:
    file, expected = (name, image(form="JPEG"), mime), PICTURE if taken else "I cannot read this*"
    await chat.row(chat.alice, None, expected, document=file, caption="make it blue")
    assert (len(chat.last_call.inputs) == 1) if taken else not chat.gateway.calls
