"""The pictures of an answer: taken from the best place that has any, kept in the media store."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import BinaryIO

from bot.catalogue.profiles import Keep
from bot.domain import Drawn, InputError, InputProblem, OutcomeKind, Picture
from bot.gateway.download import ImageDownloader
from bot.gateway.errors import (
    LINKED_WORDS,
    CallFailed,
    DownloadFailed,
    ImageTruncated,
    NoPicture,
)
from bot.gateway.image_locations import (
    FoundImage,
    InlineSvg,
    LinkedImage,
    without_svg,
)
from bot.gateway.links import same_picture, with_links, without_links
from bot.gateway.receive import ResponseLimits
from bot.gateway.response import ParsedResponse, classify_failure
from bot.media import svg
from bot.media.formats import HEAD_BYTES, UNSHOWN, sniff
from bot.media.inputs import Inputs
from bot.media.inspect import ImageInfo, is_complete, measure
from bot.media.store import MediaStore, StoredFile, Writer

_LINKS = 4  # of a text; more are no pictures, and each costs time
_AT_ONCE = 4  # links of one answer
_MARGIN = 1.0  # seconds, to keep what was fetched


@dataclass(slots=True)
class ImageSaver:
    """Keeps what an answer drew; what was cut out of it is in `writers` by then.

    With `allow_svg` SVG among the words is a picture, too. Links are not waited for past `until`,
    in seconds of the loop's clock: what is kept by then is the answer.
    """

    media: MediaStore
    inputs: Inputs
    downloader: ImageDownloader
    limits: ResponseLimits
    writers: Mapping[int, Writer]
    keep: Keep
    allow_svg: bool
    until: float
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def save(self, response: ParsedResponse) -> Drawn:
        """Keep the pictures of the best place that has any; raises CallFailed if there are none."""
        failures: dict[FoundImage, Exception] = {}
        for tier in (response.images, response.markdown_images):
            kept, failed = await self._tier(tier[: self.limits.images])
            failures |= failed
            if kept:
                taken = _taken(kept, tier, response)
                words, missing = without_links(response.text, taken), _missing(failed)
                if tier is response.images and (unfetched := list(_unfetched(failed))):
                    words = with_links(words, unfetched, LINKED_WORDS)
                return Drawn(_distinct(kept.values()), words, missing)
        kept, failed = await self._tier(response.links[:_LINKS], sure=False)
        # A mere link that is no picture is part of a text, and nothing is wrong with it.
        failures |= {found: exc for found, exc in failed.items() if not isinstance(exc, NoPicture)}
        if kept:
            urls = {found.url for found in kept if isinstance(found, LinkedImage)}
            return Drawn(_distinct(kept.values()), without_links(response.text, urls))
        kept, failed = await self._tier(response.svgs if self.allow_svg else ())
        if kept:
            return Drawn(_distinct(kept.values()), without_svg(response.text))
        failures |= failed
        spoiled = next(filter(None, map(_spoiled, failures.values())), None)
        if spoiled and spoiled.kind is OutcomeKind.TOO_LARGE:  # and so may be all of the answer
            raise spoiled
        raise classify_failure(response, spoiled, list(_unfetched(failures)))

    async def _tier(
        self, tier: Sequence[FoundImage], *, sure: bool = True
    ) -> tuple[dict[FoundImage, Picture], dict[FoundImage, Exception]]:
        """Keep a tier's pictures; tells of each other what is wrong with it."""
        results: dict[FoundImage, Picture | Exception] = {}
        if self.keep is Keep.LAST:
            for found in reversed(tier):
                results[found] = await self._tried(found, sure=sure)
                if isinstance(results[found], Picture):
                    break
        elif len(tier) == 1:
            results[tier[0]] = await self._tried(tier[0], sure=sure)
        else:
            results = await self._together(tier, sure=sure)
        kept = {found: one for found, one in results.items() if isinstance(one, Picture)}
        return kept, {found: one for found, one in results.items() if isinstance(one, Exception)}

    async def _together(
        self, tier: Sequence[FoundImage], *, sure: bool
    ) -> dict[FoundImage, Picture | Exception]:
        """Keep pictures at once; the first that came does not wait long for the others."""
        tasks = {asyncio.create_task(self._tried(found, sure=sure)): found for found in tier}
        waiting, patience = set(tasks), None
        try:
            while waiting:
                ended, waiting = await asyncio.wait(
                    waiting, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                if not ended:
                    break
                if any(isinstance(task.result(), Picture) for task in ended):
                    patience = self.limits.grace
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        late = DownloadFailed("it took too long")
        return {found: late if task in waiting else task.result() for task, found in tasks.items()}

    async def _tried(self, found: FoundImage, *, sure: bool) -> Picture | Exception:
        try:
            return await self._picture(found, sure=sure)
        except (DownloadFailed, InputError, ImageTruncated, CallFailed) as exc:
            return exc

    async def _picture(self, found: FoundImage, *, sure: bool) -> Picture:
        try:
            stored, seen = await self._stored(found, sure=sure)
        except _SvgFound as drawing:
            return await self._harmless(drawing.data)
        if seen.mime in UNSHOWN:
            try:
                png = await self.inputs.as_png(stored, max_pixels=self.limits.pixels)
            finally:
                await self.media.delete(stored.sha256)
            return Picture(0, png.sha256, png.mime, png.width, png.height, png.size)
        return Picture(0, stored.sha256, seen.mime, seen.width, seen.height, stored.size)

    async def _stored(self, found: FoundImage, *, sure: bool) -> tuple[StoredFile, ImageInfo]:
        check = partial(_check, max_pixels=self.limits.pixels)
        if isinstance(found, InlineSvg):
            raise _SvgFound(found.svg.encode("utf-8", "replace"))
        if isinstance(found, LinkedImage):
            until = self.until - _MARGIN
            fetching = self.downloader.download(
                found.url, self._slots, check, until=until, sure=sure
            )
            return await fetching
        writer = None if found.index is None else self.writers.get(found.index)
        if writer is None:
            raise CallFailed(OutcomeKind.UNREADABLE, "what stands for a picture is none")
        if writer.is_over:
            large = f"a picture of more than {self.limits.image} bytes"
            raise CallFailed(OutcomeKind.TOO_LARGE, large)
        return await writer.commit_checked(check)

    async def _harmless(self, data: bytes) -> Picture:
        image = await asyncio.to_thread(svg.sanitize, data, max_pixels=self.limits.pixels)
        copy = await self.media.put(image.data)
        return Picture(0, copy.sha256, svg.SVG, image.width, image.height, copy.size)


class _SvgFound(Exception):
    """It is no picture of pixels: a harmless copy takes its place."""

    def __init__(self, data: bytes) -> None:
        self.data = data


def _check(file: BinaryIO, *, max_pixels: int) -> ImageInfo:
    """Look at a picture that came; raises InputError, ImageTruncated and _SvgFound."""
    head = file.read(HEAD_BYTES)
    if svg.may_begin(head):
        raise _SvgFound(head + file.read(svg.MAX_BYTES))
    if (mime := sniff(head)) and mime in UNSHOWN:
        return ImageInfo(mime, 0, 0)  # another process looks at it
    file.seek(0)
    seen = measure(file, max_pixels=max_pixels)
    if not is_complete(file, seen.mime):
        raise ImageTruncated
    return seen


def _taken(
    kept: Collection[FoundImage], tier: Sequence[FoundImage], response: ParsedResponse
) -> set[str]:
    """Name the links of the words whose pictures were kept: from there, or from a better place."""
    urls = {found.url for found in kept if isinstance(found, LinkedImage)}
    links = [link.url for link in response.links if isinstance(link, LinkedImage)]
    beside = {link for link in links if any(same_picture(link, url) for url in urls)}
    images = [found.url for found in response.markdown_images if isinstance(found, LinkedImage)]
    # Markdown repeats what stands in the places for images (one-hub).
    repeated = tier is response.images and len(images) <= len(kept)
    return urls | beside | set(images if repeated else ())


def _spoiled(failure: Exception) -> CallFailed | None:
    """Say what is wrong with a picture that came; None if none came."""
    match failure:
        case InputError():
            large = failure.problem is InputProblem.TOO_MANY_PIXELS
            kind = OutcomeKind.TOO_LARGE if large else OutcomeKind.BROKEN
            return CallFailed(kind, f"a picture that is none: {failure.problem}")
        case ImageTruncated():
            return CallFailed(OutcomeKind.BROKEN, "a picture without its end")
        case CallFailed():
            return failure
    return None


def _missing(failures: Mapping[FoundImage, Exception]) -> int:
    """Count the pictures that came and cannot be shown."""
    spoiled = filter(None, map(_spoiled, failures.values()))
    return sum(one.kind in (OutcomeKind.TOO_LARGE, OutcomeKind.BROKEN) for one in spoiled)


def _unfetched(failures: Mapping[FoundImage, Exception]) -> Iterator[str]:
    for found, failure in failures.items():
        if isinstance(found, LinkedImage) and isinstance(failure, DownloadFailed):
            yield found.url


def _distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    distinct = {picture.sha256: picture for picture in pictures}
    return tuple(replace(picture, position=at) for at, picture in enumerate(distinct.values()))
