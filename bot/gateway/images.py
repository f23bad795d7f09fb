"""The pictures of an answer: taken from the best place that has any, kept in the media store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from bot.catalogue.profiles import Keep
from bot.domain import Drawn, InputError, InputProblem, OutcomeKind, Picture
from bot.gateway.download import ImageDownloader
from bot.gateway.errors import CallFailed, DownloadFailed, ImageTruncated
from bot.gateway.image_locations import (
    FoundImage,
    InlineSvg,
    LinkedImage,
    without_links,
    without_svg,
)
from bot.gateway.receive import ResponseLimits
from bot.gateway.response import ParsedResponse, classify_failure
from bot.media import svg
from bot.media.inspect import inspect, is_complete
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
    downloader: ImageDownloader
    limits: ResponseLimits
    writers: Mapping[int, Writer]
    keep: Keep
    allow_svg: bool
    until: float
    _downloads: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def save(self, response: ParsedResponse) -> Drawn:
        """Keep the pictures of the best place that has any; raises CallFailed if there are none."""
        spoiled: CallFailed | None = None
        for tier in (response.images, response.markdown_images):
            kept, wrong = await self._tier(tier[: self.limits.images])
            if kept:
                text = without_links(response.text, _links_beside(kept, response))
                return Drawn(_distinct(kept.values()), text)
            spoiled = spoiled or wrong
        # A mere link that is no picture is part of a text, and nothing is wrong with it.
        kept, _ = await self._tier(() if spoiled else response.links[:_LINKS])
        if kept:
            urls = {found.url for found in kept if isinstance(found, LinkedImage)}
            return Drawn(_distinct(kept.values()), without_links(response.text, urls))
        kept, wrong = await self._tier(response.svgs if self.allow_svg else ())
        if kept:
            return Drawn(_distinct(kept.values()), without_svg(response.text))
        raise classify_failure(response, spoiled or wrong)

    async def _tier(
        self, tier: Sequence[FoundImage]
    ) -> tuple[dict[FoundImage, Picture], CallFailed | None]:
        """Keep a tier's pictures, all of its links within the time of one; says what went wrong."""
        now = asyncio.get_running_loop().time()
        deadline = min(now + self.limits.download, self.until - _MARGIN)
        results: dict[FoundImage, Picture | CallFailed] = {}
        if self.keep is Keep.LAST:
            for found in reversed(tier):
                results[found] = await self._tried(found, deadline)
                if isinstance(results[found], Picture):
                    break
        else:
            async with asyncio.TaskGroup() as group:
                tasks = {found: group.create_task(self._tried(found, deadline)) for found in tier}
            results = {found: task.result() for found, task in tasks.items()}
        kept = {found: one for found, one in results.items() if isinstance(one, Picture)}
        return kept, next((one for one in results.values() if isinstance(one, CallFailed)), None)

    async def _tried(self, found: FoundImage, deadline: float) -> Picture | CallFailed:
        try:
            return await self._picture(found, deadline)
        except TimeoutError:
            return _not_fetched("it took too long")
        except DownloadFailed as exc:
            return _not_fetched(str(exc))
        except InputError as exc:
            large = exc.problem is InputProblem.TOO_MANY_PIXELS
            kind = OutcomeKind.TOO_LARGE if large else OutcomeKind.BROKEN
            return CallFailed(kind, f"a picture that is none: {exc.problem}")
        except ImageTruncated:
            return CallFailed(OutcomeKind.BROKEN, "a picture without its end")
        except CallFailed as exc:
            return exc

    async def _picture(self, found: FoundImage, deadline: float) -> Picture:
        stored = await self._stored(found, deadline)
        try:
            return await self._checked(stored)
        except (InputError, ImageTruncated):
            await self.media.delete(stored.sha256)
            raise

    async def _checked(self, stored: StoredFile) -> Picture:
        """Look at a picture; of SVG a harmless copy takes its place."""
        path, pixels = self.media.path(stored.sha256), self.limits.pixels
        if await asyncio.to_thread(svg.is_svg, path):
            drawing = await asyncio.to_thread(svg.read, path, max_pixels=pixels)
            copy = await self.media.put(drawing.data)
            if copy.sha256 != stored.sha256:
                await self.media.delete(stored.sha256)
            return Picture(0, copy.sha256, svg.SVG, drawing.width, drawing.height, copy.size)
        seen = await inspect(path, max_pixels=pixels, decode=False)
        if not await asyncio.to_thread(is_complete, path, seen.mime):
            raise ImageTruncated
        return Picture(0, stored.sha256, seen.mime, seen.width, seen.height, stored.size)

    async def _stored(self, found: FoundImage, deadline: float) -> StoredFile:
        if isinstance(found, InlineSvg):
            return await self.media.put(found.svg.encode("utf-8", "replace"))
        if isinstance(found, LinkedImage):
            async with asyncio.timeout_at(deadline), self._downloads:
                return await self.downloader.download(found.url)
        writer = None if found.index is None else self.writers.get(found.index)
        if writer is None:
            raise CallFailed(OutcomeKind.UNREADABLE, "what stands for a picture is none")
        return await writer.commit()


def _not_fetched(why: str) -> CallFailed:
    return CallFailed(OutcomeKind.NOT_FETCHED, f"a linked picture could not be fetched: {why}")


def _links_beside(kept: Iterable[FoundImage], response: ParsedResponse) -> set[str]:
    """Name the links of the words that lead where the pictures came from: to download them, say."""
    hosts = {_host(found) for found in kept if isinstance(found, LinkedImage)}
    return {
        link.url
        for link in response.links
        if isinstance(link, LinkedImage) and _host(link) in hosts
    }


def _host(link: LinkedImage) -> str:
    return urlsplit(link.url).netloc.lower()


def _distinct(pictures: Iterable[Picture]) -> tuple[Picture, ...]:
    distinct = {picture.sha256: picture for picture in pictures}
    return tuple(replace(picture, position=at) for at, picture in enumerate(distinct.values()))
