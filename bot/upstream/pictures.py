"""The pictures of an answer: taken from the best place that has any, kept in the media store."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.catalogue import Keep
from bot.domain import Drawn, InputError, InputProblem, Picture
from bot.media.inspect import inspect
from bot.upstream.fetch import Unfetched
from bot.upstream.places import Cut, Link, without
from bot.upstream.verdict import verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from bot.media.store import MediaStore, Stored, Writer
    from bot.upstream.decode import Reading
    from bot.upstream.fetch import Fetcher
    from bot.upstream.places import Found
    from bot.upstream.receive import Limits

_LINKS = 4  # of a text; more are no pictures, and each costs time


class Pictures:
    """Keeps what an answer drew; what was cut out of it is in `writers` by then."""

    def __init__(
        self,
        *,
        media: MediaStore,
        fetcher: Fetcher,
        limits: Limits,
        writers: Mapping[int, Writer],
        keep: Keep,
    ) -> None:
        self._media = media
        self._fetcher = fetcher
        self._limits = limits
        self._writers = writers
        self._keep = keep

    async def drawn(self, reading: Reading) -> Drawn:
        """Keep the pictures of the best place that has any; raises Failed if there are none."""
        spoiled = ""
        for tier in (reading.pictures, reading.marked):
            kept, wrong = await self._tier(tier[: self._limits.pictures])
            if kept:
                return Drawn(_distinct(kept.values()), reading.text)
            spoiled = spoiled or wrong
        # A mere link that is no picture is part of a text, and nothing is wrong with it.
        kept, _ = await self._tier(() if spoiled else reading.linked[:_LINKS])
        if kept:
            links = {found.url for found in kept if isinstance(found, Link)}
            return Drawn(_distinct(kept.values()), without(reading.text, links))
        raise verdict(reading, spoiled)

    async def _tier(self, tier: Sequence[Found]) -> tuple[dict[Found, Picture], str]:
        kept: dict[Found, Picture] = {}
        wrong = ""
        last = self._keep is Keep.LAST
        for found in reversed(tier) if last else tier:
            try:
                kept[found] = await self._picture(found)
            except Unfetched as exc:
                wrong = f"a linked picture could not be fetched: {exc}"
            except InputError as exc:
                wrong = f"a picture that is none: {exc.problem}"
            if kept and last:
                break
        return kept, wrong

    async def _picture(self, found: Found) -> Picture:
        stored = await self._stored(found)
        try:
            seen = await inspect(
                self._media.path(stored.sha256), max_pixels=self._limits.pixels, decode=False
            )
        except InputError:
            await self._media.delete(stored.sha256)
            raise
        return Picture(0, stored.sha256, seen.mime, seen.width, seen.height, stored.size)

    async def _stored(self, found: Found) -> Stored:
        if not isinstance(found, Cut):
            return await self._fetcher.fetch(found.url)
        writer = None if found.index is None else self._writers.get(found.index)
        if writer is None:
            raise InputError(InputProblem.NOT_A_PICTURE)
        return await writer.commit()


def _distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    """Number the pictures; the same bytes are one picture, however often an answer says them."""
    distinct = {picture.sha256: picture for picture in pictures}
    return tuple(replace(picture, position=at) for at, picture in enumerate(distinct.values()))
