"""Inline results: pictures offered behind the bot's name, and those that Telegram does not take.

Telegram refuses an answer as a whole and does not say for which of its pictures, so it is answered
again with half of them, until the one at fault stands alone. That one is offered as a file from
then on, or not at all; the others come with the next page.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from telegram import InlineQueryResultCachedDocument, InlineQueryResultCachedPhoto

from bot.features.inline.messages import PROMPT
from bot.tg.errors import Rejected
from bot.tg.text_limits import fit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from telegram import InlineQueryResult, InlineQueryResultsButton

    from bot.domain import Picture
    from bot.features.inline.messages import InlineSender
    from bot.features.inline.service import FoundPicture, PicturePage
    from bot.tg.files import Upload

    AsResult = Callable[[FoundPicture], InlineQueryResult]

log = structlog.get_logger(__name__)

TRIES = 8  # answers to one query; five find one picture among twenty
REMEMBERED = 10_000  # pictures that were refused
# How Telegram's names for files begin. A hint only: what is wrong with it, a refusal tells.
PHOTO, DOCUMENT = "AgAC", "BQAC"


@dataclass(frozen=True, slots=True)
class InlineResults:
    """Offers pictures, and remembers which were refused."""

    inline: InlineSender
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
                await self.inline.answer_query(query_id, results, str(next_page or ""), button)
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
        await self.inline.answer_query(query_id, first, "", button)

    def _kind(self, found: FoundPicture) -> AsResult | None:
        """Choose what a picture is offered as; None if nothing is left."""
        kinds = self._kinds(found.picture)
        refused = self._refused.get(_name(found), 0)
        return kinds[refused] if refused < len(kinds) else None

    def _kinds(self, picture: Picture) -> tuple[AsResult, ...]:
        file_id = picture.file_id or ""
        if file_id.startswith(DOCUMENT) or not self.upload(picture).fits_photo:
            return (_document,)
        return (_photo,) if file_id.startswith(PHOTO) else (_photo, _document)

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
        f"picture:{number}", file_id, title=words, description=words
    )


def _document(found: FoundPicture) -> InlineQueryResult:
    (number, file_id), words = _name(found), fit(found.prompt, PROMPT)
    return InlineQueryResultCachedDocument(f"picture:{number}", words, file_id)
