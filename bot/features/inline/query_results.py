"""Query results: what is offered behind the bot's name, and pictures that Telegram does not take.

Telegram refuses an answer as a whole and does not say for which of its pictures, so it is answered
again with half of them, until the one at fault stands alone. That one is offered as a file from
then on, or not at all; the others come with the next page.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog
from telegram import (
    Bot,
    InlineKeyboardMarkup,
    InlineQueryResult,
    InlineQueryResultArticle,
    InlineQueryResultCachedDocument,
    InlineQueryResultCachedPhoto,
    InlineQueryResultsButton,
    InputTextMessageContent,
)

from bot.domain import Picture
from bot.features.inline.service import FoundPicture, PicturePage
from bot.i18n.texts import Texts
from bot.tg.callbacks import Verb
from bot.tg.errors import Rejected, translated
from bot.tg.files import Upload
from bot.tg.keyboards import button
from bot.tg.text_limits import fit

AsResult = Callable[[FoundPicture], InlineQueryResult]

log = structlog.get_logger(__name__)

CACHE_SECONDS = 2  # one's next picture is there by then
TOO_OLD = ("query is too old", "query id is invalid")
TRIES = 8  # answers to one query; five find one picture among twenty
REMEMBERED = 10_000  # pictures that were refused
# How Telegram's names for files begin. A hint only: what is wrong with it, a refusal tells.
PHOTO, DOCUMENT = "AgAC", "BQAC"

OF_MESSAGE = (
    "here"  # a job that has no number yet: the one of the message in which the button stands
)
DRAW = "draw"  # the id of the result that draws; others are `picture:` and a number
START = "inline"  # what /start is told
PROMPT = 256  # characters that a client lets one write after the bot's name


@dataclass(frozen=True, slots=True)
class QueryResults:
    """Answers queries with pictures, and remembers which were refused."""

    bot: Bot
    upload: Callable[[Picture], Upload]
    # By id and file id: how many of its kinds were refused.
    _refused: OrderedDict[tuple[int, str], int] = field(default_factory=OrderedDict)

    async def offer(
        self,
        query_id: str,
        first: Sequence[InlineQueryResult],
        page: PicturePage,
        button: InlineQueryResultsButton | None,
    ) -> None:
        """Answer a query with what comes `first`, whatever happens, and a page's pictures."""
        shown, next_page = page.pictures, page.next_page
        for _ in range(TRIES):
            offered = [(found, kind) for found in shown if (kind := self._kind(found))]
            results = [*first, *(kind(found) for found, kind in offered)]
            try:
                await self._answer(query_id, results, str(next_page or ""), button)
            except Rejected as refused:
                if not offered:
                    raise
                if len(offered) == 1:
                    self._refuse(offered[0][0], refused)
                    shown, next_page = page.pictures, page.next_page
                else:
                    shown = tuple(found for found, _ in offered[: len(offered) // 2])
                    next_page = shown[-1].picture.id
            else:
                return
        await self._answer(query_id, first, "", button)

    async def _answer(
        self,
        query_id: str,
        results: Sequence[InlineQueryResult],
        next_offset: str,
        button: InlineQueryResultsButton | None,
    ) -> None:
        """Answer a query; one that waited too long for it is forgotten."""
        try:
            with translated():
                await self.bot.answer_inline_query(
                    query_id,
                    results,
                    cache_time=CACHE_SECONDS,
                    is_personal=True,
                    next_offset=next_offset,
                    button=button,
                )
        except Rejected as refused:
            if not refused.says(*TOO_OLD):
                raise

    def _kind(self, found: FoundPicture) -> AsResult | None:
        """Choose what a picture is offered as; None if nothing is left."""
        file_id = found.picture.file_id or ""
        kinds: tuple[AsResult, ...] = (_photo, _document)
        if file_id.startswith(DOCUMENT) or not self.upload(found.picture).fits_photo:
            kinds = (_document,)
        elif file_id.startswith(PHOTO):
            kinds = (_photo,)
        refused = self._refused.get(_name(found), 0)
        return kinds[refused] if refused < len(kinds) else None

    def _refuse(self, found: FoundPicture, refused: Rejected) -> None:
        name = _name(found)
        self._refused[name] = self._refused.get(name, 0) + 1
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        log.warning("inline result refused", picture=name[0], reason=refused.reason)


def _name(found: FoundPicture) -> tuple[int, str]:
    return found.picture.id, found.picture.file_id or ""


def _photo(found: FoundPicture) -> InlineQueryResult:
    (number, file_id), words = _name(found), fit(found.prompt, PROMPT)
    return InlineQueryResultCachedPhoto(
        f"picture:{number}", file_id, title=words, description=_about(found)
    )


def _document(found: FoundPicture) -> InlineQueryResult:
    (number, file_id), words = _name(found), fit(found.prompt, PROMPT)
    return InlineQueryResultCachedDocument(
        f"picture:{number}", words, file_id, description=_about(found)
    )


def _about(found: FoundPicture) -> str:
    """Tell pictures of the same words apart."""
    size = f"{found.picture.width} x {found.picture.height}"
    return f"{found.model} · {size} · {found.at:%Y-%m-%d %H:%M}"


def placeholder(
    texts: Texts, locale: str, prompt: str, job_id: int | None = None
) -> InlineQueryResultArticle:
    """Make the result that stands for a picture that is not drawn yet.

    Telegram names no message without any button.
    """
    cancel = button(texts(locale, "button.cancel"), Verb.CANCEL, job_id or OF_MESSAGE)
    return InlineQueryResultArticle(
        DRAW,
        texts(locale, "inline.draw", prompt=fit(prompt, PROMPT)),
        InputTextMessageContent(texts(locale, "inline.drawing", prompt=fit(prompt, 2 * PROMPT))),
        reply_markup=InlineKeyboardMarkup.from_button(cancel),
        description=texts(locale, "inline.new"),
    )


def note(text: str) -> InlineQueryResultArticle:
    """Make the result that says something and draws nothing."""
    return InlineQueryResultArticle(DRAW, fit(text, PROMPT), InputTextMessageContent(text))


def link_to_bot(texts: Texts, locale: str, key: str) -> InlineQueryResultsButton:
    """Make the button above the results that opens the private chat with the bot."""
    return InlineQueryResultsButton(texts(locale, key), start_parameter=START)
