"""What goes out to the gateway for what somebody wrote, over the wire."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import Start
from tests.support.conversation import PICTURE, Conversation, image

MODEL = "gemini-2.5-flash-image"
FILES = [(f"{n}.png", image(color=(n, n, n)), "image/png") for n in range(2)]


def body(chat: Conversation) -> dict[str, Any]:
    sent: dict[str, Any] = json.loads(chat.last_call.skeleton)
    return sent


async def test_words_alone_go_as_a_string(chat: Conversation) -> None:
    await chat.row(chat.alice, 'a "red" fox\n\\ 狐狸', PICTURE)
    sent = body(chat)
    assert sent["model"] == MODEL
    assert sent["modalities"] == ["text", "image"]
    content = 'a "red" fox\n\\ 狐狸 Output an image.'  # Gemini may answer with words otherwise
    assert sent["messages"] == [{"role": "user", "content": content}]
    assert "extra_body" not in sent
    assert not sent.get("stream")


async def test_pictures_go_as_parts_behind_the_words(chat: Conversation) -> None:
    await chat.row(chat.alice, None, PICTURE, documents=FILES, caption="mix")
    (message,) = body(chat)["messages"]
    text, *pictures = message["content"]
    assert text == {"type": "text", "text": "mix Output an image."}
    assert [part["type"] for part in pictures] == ["image_url", "image_url"]
    for part in pictures:
        assert part["image_url"]["url"].startswith("data:image/png;base64,")


async def test_choices_go_out_as_the_model_wants_to_hear_them(chat: Conversation) -> None:
    (menu,) = await chat.row(chat.alice, "/settings", "Your settings*")
    await chat.press(chat.alice, menu, "Aspect ratio")
    await chat.sees(chat.alice, "Your settings*|Back}")
    await chat.press(chat.alice, menu, "16:9")
    await chat.sees(chat.alice, "*Aspect ratio: 16:9*")
    await chat.row(chat.alice, "a red fox", PICTURE)
    assert body(chat)["extra_body"] == {"google": {"image_config": {"aspect_ratio": "16:9"}}}
    await chat.row(chat.bob, "a red fox", PICTURE)
    assert "extra_body" not in body(chat)  # it was Alice's choice


async def test_another_default_model_is_asked(start: Start) -> None:
    async with start(DEFAULT_MODEL="gemini-3-pro-image") as chat:
        await chat.row(chat.alice, "a red fox", PICTURE)
        assert body(chat)["model"] == "gemini-3-pro-image"
