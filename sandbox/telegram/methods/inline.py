"""Methods that answer inline queries and guests."""

from __future__ import annotations

import re

from sandbox.telegram.errors import bad_request
from sandbox.telegram.inline_queries import Offer
from sandbox.telegram.request import Arguments
from sandbox.telegram.schema import Json
from sandbox.telegram.world import Draft, World

from .content import caption_content, keyboard, text_content

_RESULTS = 50
_ID_BYTES = range(1, 65)
_OFFSET_BYTES = 64
_START = re.compile(r"[A-Za-z0-9_-]{1,64}")


async def answer_inline_query(world: World, arguments: Arguments) -> bool:
    """Offer results; each of them has to be one that can be sent."""
    results: list[Json] = arguments["results"]
    if len(results) > _RESULTS:
        raise bad_request("RESULTS_TOO_MUCH")
    if len({result["id"] for result in results}) < len(results):
        raise bad_request("RESULT_ID_DUPLICATE")
    for result in results:
        result_content(world, result)
    offset = str(arguments.get("next_offset", ""))
    if len(offset.encode()) > _OFFSET_BYTES:
        raise bad_request("NEXT_OFFSET_INVALID")
    button = arguments.get("button")
    if button is not None and not _START.fullmatch(button.get("start_parameter", "")):
        raise bad_request("START_PARAM_INVALID")
    world.inline.answer(arguments["inline_query_id"], Offer(results, offset, button))
    world.changes.notify()
    return True


async def answer_guest_query(world: World, arguments: Arguments) -> Json:
    """Answer the message of a chat where the bot is no member, once."""
    content = result_content(world, arguments["result"])
    chat, asked = world.inline.guest(arguments["guest_query_id"])
    inline_id = world.inline.new_message_id()
    extra = {"guest_bot_caller_user": asked["from"]} if "from" in asked else {}
    thread = asked["message_thread_id"] if asked.get("is_topic_message") else None
    replied = asked["message_id"]
    draft = Draft(world.bot, content, thread, replied, extra=extra, inline_id=inline_id)
    message = world.publish(chat, draft)
    world.inline.stands(inline_id, chat, message["message_id"])
    return {"inline_message_id": inline_id}


def result_content(world: World, result: Json) -> Json:
    """Make the content of the message that a result becomes; raises `ApiError`."""
    if len(result["id"].encode()) not in _ID_BYTES:
        raise bad_request("RESULT_ID_INVALID")
    markup = keyboard(Arguments(result))
    given = result.get("input_message_content")
    if given is not None and "message_text" in given:
        return text_content({**given, "text": given["message_text"]}) | markup
    match result["type"]:
        case "photo" if "photo_file_id" in result:
            content = world.files.again(result["photo_file_id"], "photo")
        case "document" if "document_file_id" in result:
            content = world.files.again(result["document_file_id"], "document")
        case other:
            raise bad_request(f"the sandbox has no inline result of type {other}")
    return content | caption_content(result) | markup
