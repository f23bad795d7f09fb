"""Live: a model's words stand in the chat before its picture does."""

from __future__ import annotations

from pathlib import Path

from sandbox.gateway import Failure, Reply
from sandbox.telegram.faults import BadRequest
from tests.conftest import Start
from tests.support.conversation import PICTURE

MODELS = """
extends = false
[[model]]
id = "talker"
label = "Talker"
stream = true
fallbacks = ["quiet"]
[[model]]
id = "quiet"
label = "Quiet"
"""
TALK = Reply(text="First the sky, then the sea, then a ship far out.", pause=0.2)


def talking(folder: Path) -> dict[str, str]:
    file = folder / "models.toml"
    file.write_text(MODELS)
    return {"MODELS_FILE": str(file), "DEFAULT_MODEL": "talker"}


async def test_in_private_the_words_come_as_a_draft(start: Start, tmp_path: Path) -> None:
    async with start(**talking(tmp_path)) as chat:
        chat.gateway.script(TALK)
        await chat.row(chat.alice, "A ship", PICTURE)
        drafts = [str(draft["text"]) for draft in chat.telegram.drafts(chat.alice)]
        assert drafts
        assert all(TALK.text and TALK.text.startswith(draft.strip()) for draft in drafts)


async def test_in_a_group_the_words_come_in_the_status_message(
    start: Start, tmp_path: Path
) -> None:
    async with start(**talking(tmp_path)) as chat:
        group = chat.telegram.group("Sailors", [chat.alice])
        chat.gateway.script(TALK)
        chat.alice.send(group, "/imagine A ship")
        await chat.sees(group, "Drawing…  First*{Cancel}")
        await chat.sees(group, PICTURE)
        assert not chat.telegram.drafts(group)


async def test_a_server_without_drafts_gets_edits(start: Start, tmp_path: Path) -> None:
    async with start(**talking(tmp_path)) as chat:
        chat.telegram.fault("sendMessageDraft", BadRequest("method not found"))
        chat.gateway.script(TALK)
        chat.alice.send(chat.alice, "A ship")
        await chat.sees(chat.alice, "Drawing…  First*{Cancel}")
        await chat.sees(chat.alice, PICTURE)


async def test_another_model_is_named_while_it_draws(start: Start, tmp_path: Path) -> None:
    async with start(**talking(tmp_path)) as chat:
        chat.gateway.script(Reply(failure=Failure.NO_CHANNEL), Reply(delay=1.5))
        chat.alice.send(chat.alice, "A ship")
        await chat.sees(chat.alice, "Quiet draws instead… {Cancel}")
        await chat.sees(chat.alice, PICTURE)
