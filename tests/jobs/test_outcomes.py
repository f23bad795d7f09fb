"""What stands in the chat where no picture does, over the wire: a text of its own, and no charge."""

from __future__ import annotations

import asyncio
import json
import shutil
from base64 import b64encode
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from bot.domain import OutcomeKind, now
from sandbox.gateway import Failure, Reply, Shape
from sandbox.telegram import BadRequest
from tests.conftest import Start
from tests.support.conversation import BUTTONS, PICTURE, Conversation, image

REFUSED = Reply(pictures=0, text="", finish_reason="content_filter")
RATE_LIMITED = Reply(failure=Failure.RATE_LIMITED, retry_after=0)
OVERLOADED = Reply(failure=Failure.OVERLOADED, retry_after=0)
NO_PICTURES = "No pictures can be drawn at the moment.*"  # nothing of bills and keys
REPEATED = (RATE_LIMITED, OVERLOADED)


def error(status: int, code: str, message: str = "no") -> Reply:
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    return Reply(body=body, status=status)


HALF_A_PICTURE = json.dumps({"data": [{"b64_json": b64encode(image()[:100]).decode()}]}).encode()
NO_MONEY = b'{"code": 402, "msg": "insufficient balance", "data": null}'
NO_LINK = json.dumps({"data": [{"url": "https://127.0.0.1:9/a.png"}]}).encode()

# What the gateway answers, what that means, what the chat says.
ROWS = (
    (
        Reply(pictures=0, text="I would rather describe it."),
        OutcomeKind.TEXT_ONLY,
        "The model answered with words and no picture:  I would rather describe it.*",
    ),
    (
        Reply(pictures=0, text="<b>never* [closed](", native_finish_reason="x"),
        OutcomeKind.TEXT_ONLY,
        "*<b>never? ?closed](*",
    ),
    (
        Reply(pictures=0, text="", refusal="I can't create that image."),
        OutcomeKind.REFUSED,
        "The model refused this request: I can't create that image.*",
    ),
    (REFUSED, OutcomeKind.REFUSED, "The model refused this request*"),
    (
        error(400, "content_policy_violation", "Your prompt was blocked."),
        OutcomeKind.REFUSED,
        "The model refused this request: Your prompt was blocked.*",
    ),
    (Reply(failure=Failure.EMPTY_CHOICES), OutcomeKind.EMPTY, "The model sent no picture and*"),
    (Reply(pictures=0, text=""), OutcomeKind.EMPTY, "The model sent no picture and*"),
    (Reply(truncate=0.6), OutcomeKind.CUT_OFF, "The connection*broke off*Trying again*"),
    (Reply(failure=Failure.OK_BUT_HTML), OutcomeKind.UNREADABLE, "*something that I cannot read.*"),
    (Reply(body=HALF_A_PICTURE), OutcomeKind.BROKEN, "The picture that came back was damaged.*"),
    (
        Reply(body=NO_LINK),
        OutcomeKind.NOT_FETCHED,
        "The model answered with a link*could be fetched from it:  https://127.0.0.1:9/a.png  *",
    ),
    (
        Reply(pictures=0, text="Voilà: ![fox](https://xn--/fox.png)"),
        OutcomeKind.NOT_FETCHED,
        "The model answered with a link*could be fetched from it:  Voilà: https://xn--/fox.png  *",
    ),
    (Reply(body=b"{}"), OutcomeKind.EMPTY, "The model sent no picture and*"),
    (Reply(cut=0.6), OutcomeKind.CUT_OFF, "The connection*broke off*Trying again*"),
    (Reply(failure=Failure.UNAUTHORIZED), OutcomeKind.BAD_KEY, NO_PICTURES),
    (Reply(failure=Failure.PAYMENT_REQUIRED), OutcomeKind.OUT_OF_MONEY, NO_PICTURES),
    (Reply(failure=Failure.NO_QUOTA), OutcomeKind.OUT_OF_MONEY, NO_PICTURES),
    (Reply(body=NO_MONEY), OutcomeKind.OUT_OF_MONEY, NO_PICTURES),
    (RATE_LIMITED, OutcomeKind.RATE_LIMITED, "*overrun at the moment*"),
    (Reply(failure=Failure.NO_CHANNEL), OutcomeKind.UNKNOWN_MODEL, "*does not know this model*"),
    (OVERLOADED, OutcomeKind.UNAVAILABLE, "*cannot be reached*"),
    (Reply(failure=Failure.GATEWAY_TIMEOUT), OutcomeKind.TIMEOUT, "The model took too long.*"),
    (Reply(failure=Failure.CLOUDFLARE_TIMEOUT), OutcomeKind.TIMEOUT, "The model took too long.*"),
    (Reply(failure=Failure.SERVER_ERROR), OutcomeKind.GATEWAY_ERROR, "Something went wrong at*"),
    (Reply(failure=Failure.OK_BUT_ERROR), OutcomeKind.GATEWAY_ERROR, "Something went wrong at*"),
    (Reply(failure=Failure.OK_BUT_TASK), OutcomeKind.ASYNC_TASK, "This model delivers pictures*"),
    (error(400, "invalid_image"), OutcomeKind.BAD_INPUT, "*could not use this request*"),
    (Reply(hang=True), OutcomeKind.TIMEOUT, "The model took too long.*"),
)


async def test_each_outcome_has_its_words_and_costs_nothing(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(GENERATION_TIMEOUT="1", **alone) as chat:
        for number, (reply, kind, text) in enumerate(ROWS):
            chat.gateway.script(reply, times=3 if reply in REPEATED else 1)
            (shown,) = await chat.row(chat.alice, f"fox {number}", f"{text} {{Try again}}")
            assert shown["text"].count("Nothing was charged.") == 1
            assert (await chat.quiet())[-1].outcome is kind, text
        usage = "*Today ? pictures: 0*All time ? pictures: 0*"
        await chat.row(chat.alice, "/usage", usage)


async def test_what_is_whole_beside_what_is_too_large_is_shown_and_says_so(
    chat: Conversation,
) -> None:
    small, vast = image(), bytearray(image(65))
    vast[16:24] = (40_000).to_bytes(4, "big") * 2  # what its head says: 1600 megapixels
    pictures = [small, bytes(vast), image(66)[:100]]
    data = [{"b64_json": b64encode(one).decode()} for one in pictures]
    chat.gateway.script(Reply(body=json.dumps({"data": data}).encode()))
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    assert drawn["caption"] == "Left out, because too large or damaged: 2."
    await chat.quiet()
    await chat.row(chat.alice, "/usage", "*Today ? pictures: 1*")


async def test_trying_again_brings_the_picture(start: Start, alone: dict[str, str]) -> None:
    async with start(**alone) as chat:
        chat.gateway.script(RATE_LIMITED, times=3)
        (failed,) = await chat.row(chat.alice, "a red fox", "*overrun at the moment* {Try again}")
        await chat.restart(**alone)
        assert await chat.press(chat.alice, failed, "Try again") == "Drawing it again."
        await chat.sees(chat.alice, "*overrun at the moment* {Try again}", PICTURE)
        await chat.quiet()
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 1*")


async def test_no_failure_shows_the_gateways_inner_words(
    start: Start, alone: dict[str, str]
) -> None:
    async with start(**alone) as chat:
        chat.gateway.script(error(500, "internal", "panic at 10.0.0.7: key sk-abcdefghijklmnop"))
        (failed,) = await chat.row(chat.alice, "a red fox", "Something went wrong at*")
        assert "10.0.0.7" not in failed["text"]
        assert "sk-" not in failed["text"]


async def test_no_log_has_a_prompt_or_what_a_model_answered(
    start: Start, alone: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    async with start(**alone) as chat:
        words = Reply(pictures=0, text="No fox for Alice.")
        refusal = Reply(pictures=0, text="That fox is too red.", finish_reason="content_filter")
        chat.gateway.script(words, refusal, error(500, "internal", "out of paint"))
        for answer in ("*No fox for Alice*", "*too red*", "Something went wrong at*"):
            await chat.row(chat.alice, "a red fox", answer)
        await chat.quiet()
    log = capsys.readouterr().out
    assert log.count("not drawn") == 3
    assert [words for words in ("red fox", "No fox", "too red") if words in log] == []
    assert "out of paint" in log


async def test_long_words_of_a_model_are_cut_to_what_fits(chat: Conversation) -> None:
    words = "🦊<b>*_[`& " * 700
    wordy = Reply(pictures=0, text=words)
    chat.gateway.script(Reply(noise=1200, text=words), wordy, wordy)
    (drawn,) = await chat.row(chat.alice, "a red fox", PICTURE)
    caption = drawn["caption"]
    assert 900 < len(caption.encode("utf-16-le")) // 2 <= 1024
    assert words.startswith(caption.removesuffix("…"))
    (told,) = await chat.row(chat.alice, "a blue fox", "*words and no picture:* {Try again}")
    assert "🦊<b>*_[`& 🦊" in told["text"]
    assert told["text"].endswith("Nothing was charged.")


@pytest.mark.parametrize("text", ["*bold", "<b>never closed", "[a](b", "`", "&lt;", "_ _ __"])
def test_markup_is_just_text(text: str) -> None:
    from bot.tg.text_limits import CAPTION, fit

    assert fit(text, CAPTION) == text


LATE = b'{"error":{"message":"client gone","type":"new_api_error"}}'
WHOLE = json.dumps({"data": [{"b64_json": b64encode(image(width=65)).decode()}]}).encode()


async def test_an_untidy_end_costs_nobody_the_picture(chat: Conversation) -> None:
    untidy = [
        Reply(noise=1200, cut=1.0),
        Reply(noise=60_000, cut=0.999),
        Reply(noise=60_000, truncate=0.999),
        Reply(body=WHOLE + LATE),
        Reply(body=image(width=66)),
    ]
    for number, reply in enumerate(untidy):
        chat.gateway.script(reply)
        await chat.row(chat.alice, f"fox {number}", PICTURE)
    await chat.quiet()
    assert len(chat.gateway.calls) == len(untidy)
    await chat.row(chat.alice, "/usage", f"*Today ? pictures: {len(untidy)}*")


async def test_every_shape_of_an_answer_becomes_a_picture(chat: Conversation) -> None:
    shapes = [shape for shape in Shape if shape is not Shape.LEGACY]
    for shape in shapes:
        chat.gateway.script(Reply(noise=1200, shape=shape))
        await chat.row(chat.alice, f"a fox in shape {shape}", PICTURE)
    for form in ("space", "usage=absent", "usage=null", "usage=nulls", "usage=zero"):
        await chat.row(chat.alice, f"sandbox:{form} a fox", PICTURE)
    assert len(await chat.states()) == len(shapes) + 5


@pytest.mark.parametrize("shape", [Shape.URL, Shape.IMAGES, Shape.PARTS, Shape.MULTI_CAMEL])
async def test_several_pictures_come_in_several_messages(chat: Conversation, shape: Shape) -> None:
    chat.gateway.script(Reply(noise=1200, shape=shape, pictures=3))
    await chat.row(chat.alice, "three foxes", PICTURE, PICTURE, PICTURE)


async def test_what_waited_for_more_than_a_day_is_dropped(start: Start) -> None:
    async with start(SHUTDOWN_SECONDS="0") as chat:
        with chat.gateway.hold() as gate:
            await chat.row(chat.alice, "a red fox", "Drawing… {Cancel}")
            await chat.gateway.until(lambda: gate.waiting)
            await chat.end()
        asked = f"{now() - timedelta(hours=25):%Y-%m-%d %H:%M:%S}.0"
        await chat.execute(f"UPDATE jobs SET created_at = '{asked}'")  # noqa: S608 - our own
        await chat.begin()
        await chat.sees(chat.alice, "This waited too long and was dropped.* {Try again}")
        assert [job.outcome for job in await chat.quiet()] == [OutcomeKind.EXPIRED]
        await chat.row(chat.alice, "/usage", "*Today ? pictures: 0*")


async def test_what_telegram_takes_neither_as_photo_nor_as_file_is_not_charged(
    chat: Conversation,
) -> None:
    refusal = BadRequest("PHOTO_INVALID_DIMENSIONS")
    chat.telegram.fault("editMessageMedia", refusal, times=2)
    undelivered = "The picture could not be delivered here. Nothing was charged.*"
    await chat.row(chat.alice, "a red fox", undelivered)
    assert [job.outcome for job in await chat.quiet()] == [OutcomeKind.UNDELIVERABLE]
    await chat.row(chat.alice, "/usage", "*Today ? pictures: 0*")
    chat.telegram.fault("editMessageMedia", refusal)  # as a file it may do
    await chat.row(chat.alice, "a red fox", f"[file picture-2-1.png]* {BUTTONS}")


async def test_a_mistake_of_ours_is_said_to_be_one_and_not_charged(chat: Conversation) -> None:
    media = chat.folder / "media"
    await asyncio.to_thread(shutil.rmtree, media)
    media.write_text("in the way")
    with capture_logs():
        await chat.row(chat.alice, "a red fox", "Something went wrong on my side.* {Try again}")
    assert [job.outcome for job in await chat.quiet()] == [OutcomeKind.INTERNAL]
    await chat.row(chat.alice, "/usage", "*Today ? pictures: 0*")


async def test_an_input_that_is_gone_at_telegram_is_said_to_be(chat: Conversation) -> None:
    chat.telegram.fault("getFile", BadRequest("invalid file_id"))
    gone = "This picture is no longer there.*Nothing was charged. {Try again}"
    file = ("a.png", image(), "image/png")
    await chat.row(chat.alice, None, gone, document=file, caption="make it blue")
    assert chat.gateway.calls == []


async def test_a_late_press_on_cancel_tells_whom_nobody_could_reach(chat: Conversation) -> None:
    with chat.gateway.hold() as gate:
        (status,) = await chat.row(chat.alice, "a red fox", "Drawing… {Cancel}")
        await chat.gateway.until(lambda: gate.waiting)
        chat.alice.block()
    assert [job.outcome for job in await chat.quiet()] == [OutcomeKind.UNDELIVERABLE]
    chat.alice.unblock()
    assert (await chat.press(chat.alice, status, "Cancel")).startswith("Too late")
    await chat.sees(chat.alice, "The picture could not be delivered here.*{Try again}")
    await chat.press(chat.alice, status, "Try again")
    await chat.sees(chat.alice, "The picture could not be delivered here.*", PICTURE)
