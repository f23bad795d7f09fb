"""A probe: one paid call to a model, its findings, and an answer that can become a test."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue
from bot.catalogue.profiles import Profile
from bot.config import Settings
from bot.domain import Answer, BotError, CommandFailed, Drawn, InputError, Picture, now
from bot.features.admin.cli import open_database
from bot.features.admin.probe_calls import PROMPT, ProbeBooks
from bot.gateway.connect import GatewayConnector
from bot.gateway.receive import Recording
from bot.gateway.request import ImageRequest, InputImage
from bot.log import blanked
from bot.media.bounds import Bounds
from bot.media.inputs import open_inputs
from bot.media.kept_files import lent
from bot.media.store import MediaStore
from bot.storage.actions import command_line

EDIT_PROMPT = "Make the background light blue."
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
MILLION = 1_000_000
# The query of a link, which JSON may have escaped, up to where the link or the text ends.
_LINK = r"(?:[^\s\"'<>()\\?]|\\/|\\u[0-9a-fA-F]{4})"
_QUERY = re.compile(rf"(\bhttps?:{_LINK}{{1,2048}})\?(?:{_LINK}|\?)*", re.IGNORECASE)


class ProbeError(BotError):
    """The model cannot be asked this: one line for the operator."""


async def probe(
    settings: Settings, word: str, photo: Path | None, folder: Path, console: Console
) -> None:
    """Make one paid call, print what came back, and keep it in `folder`.

    The answer is kept without pictures and keys, as a file that can become a test; its pictures
    beside it. Raises ProbeError, and CommandFailed in the end where there is none.
    """
    catalogue = load_catalogue(settings.models_file)
    profile = _find(catalogue, word, photo)
    recordings: list[Recording] = []
    async with AsyncExitStack() as stack:
        media = MediaStore.open(stack.enter_context(tempfile.TemporaryDirectory()))
        connector = GatewayConnector(catalogue, settings, media, stack)
        gateway = connector.gateway(catalogue.gateways[profile.gateway])
        request = await _request(settings, profile, photo, media)
        books = await stack.enter_async_context(_books(settings, console))
        console.print(f"asking {profile.name} at {gateway.host} …")
        route = str(profile.edit_route if photo else profile.route)
        call_id = await books.begin(command_line(), profile, gateway.host, route) if books else 0
        answer = await gateway.generate(request, record=recordings.append)
        if books:
            await books.end(call_id, profile, answer.report)
        # All of them: a gateway may repeat what it was sent, and by now each key was asked for.
        blank = partial(_blanked, secrets=settings.secrets())
        files = await asyncio.to_thread(_keep, folder, profile, answer, recordings, media, blank)
    console.print(_findings(answer, recordings))
    for file in files:
        console.print(f"kept {file}", soft_wrap=True)
    if not isinstance(answer.outcome, Drawn):
        report = answer.report
        status = f"status {report.http_status}" if report.http_status else ""
        why = filter(None, (str(report.kind), status, " ".join(report.detail.split())))
        raise CommandFailed(f"{profile.id}: {', '.join(why)}")


@asynccontextmanager
async def _books(settings: Settings, console: Console) -> AsyncIterator[ProbeBooks | None]:
    """Open the bot's database, in which the call is written down; None where it has none yet."""
    async with AsyncExitStack() as stack:
        books = None
        try:
            books = ProbeBooks(await stack.enter_async_context(open_database(settings)), now)
        except BotError as error:
            told = " ".join(blanked(str(error)).split())
            console.print(Text(f"not written down: {told}"), soft_wrap=True)
        yield books


def _find(catalogue: Catalogue, word: str, photo: Path | None) -> Profile:
    profile = catalogue.find(word)
    if profile is None:
        ids = ", ".join(profile.id for profile in catalogue)
        raise ProbeError(f"{word} is not in the catalogue; there are: {ids}")
    if photo and not profile.edits:
        raise ProbeError(f"{profile.id} works from words alone: leave --photo out")
    if not photo and profile.route is None:
        raise ProbeError(f"{profile.id} needs a picture: --photo FILE")
    return profile


async def _request(
    settings: Settings, profile: Profile, photo: Path | None, media: MediaStore
) -> ImageRequest:
    if photo is None:
        return ImageRequest(PROMPT, profile)
    stored = await media.put(await asyncio.to_thread(_read, photo, settings.max_input_bytes))
    bounds = Bounds(
        max_pixels=settings.max_input_pixels,
        max_bytes=settings.max_input_bytes,
        side=profile.input_side,
        size=profile.input_bytes,
    )
    try:
        async with open_inputs(media) as inputs:
            ready = await inputs.fit(stored.sha256, bounds)
    except InputError as error:
        raise ProbeError(f"{photo} cannot be used: {error.problem.replace('_', ' ')}") from error
    return ImageRequest(EDIT_PROMPT, profile, (InputImage(ready.sha256, ready.mime, ready.size),))


def _read(photo: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes; no more of a larger one is held."""
    try:
        with photo.open("rb") as file:
            # A device says that it is empty, and never ends.
            large = photo.stat().st_size > limit or len(data := file.read(limit + 1)) > limit
    except OSError as error:
        raise ProbeError(f"{photo}: {error.strerror}") from error
    if large:
        raise ProbeError(f"{photo} is larger than MAX_INPUT_BYTES, {limit}")
    return data


def _keep(
    folder: Path,
    profile: Profile,
    answer: Answer,
    recordings: list[Recording],
    media: MediaStore,
    blank: Callable[[str], str],
) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{re.sub(r'[^a-z0-9.-]+', '-', profile.id.lower())}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    files: list[Path] = []
    for recording in recordings:
        files.append(folder / f"{name}.txt")
        head = _head(profile, answer, recording)
        files[-1].write_text(blank(f"{head}\n{recording.body.decode()}"), encoding="utf-8")
    if isinstance(answer.outcome, Drawn):
        for picture in answer.outcome.pictures:
            suffix = SUFFIXES.get(picture.mime, "bin")
            files.append(folder / f"{name}-{picture.position + 1}.{suffix}")
            with lent(media.files, picture.sha256) as path:
                shutil.copyfile(path, files[-1])
    return files


def _blanked(text: str, secrets: Sequence[str]) -> str:
    """Put `{{key}}` in place of each secret, and take the queries off links: they may sign them."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "{{key}}")
    return _QUERY.sub(r"\1", text)


def _head(profile: Profile, answer: Answer, recording: Recording) -> str:
    """Write the head of a recorded answer: what it is, and what it was taken for."""
    head = {
        "about": f"{profile.id}, {recording.content_type or 'no content type'}, {recording.shape}",
        "status": recording.status,
        "kind": answer.report.kind,
    }
    if isinstance(answer.outcome, Drawn):
        head |= {"pictures": _names(answer.outcome.pictures), "text": answer.outcome.text}
    else:
        head["detail"] = answer.outcome.detail
    lines = (f"{key}: {value}".replace("\n", "\\n") + "\n" for key, value in head.items())
    return "".join(lines)


def _names(pictures: Sequence[Picture]) -> str:
    """Name the pictures as a recording does: png png2 png3."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for picture in pictures:
        kind = picture.mime.removeprefix("image/")
        seen[kind] += 1
        names.append(kind if seen[kind] == 1 else f"{kind}{seen[kind]}")
    return " ".join(names)


def _findings(answer: Answer, recordings: list[Recording]) -> Table:
    report, usage = answer.report, answer.report.usage
    table = Table(show_header=False, box=None)
    facts: dict[str, object] = {
        "outcome": report.kind,
        "said": answer.outcome.text if isinstance(answer.outcome, Drawn) else report.detail,
        "status": report.http_status,
        "shape": ", ".join(
            f"{one.shape} ({'events' if one.stream else 'JSON'})" for one in recordings
        ),
        "model": report.model_returned,
        "finish": " / ".join(filter(None, (report.finish_reason, report.native_reason))),
        "tokens": f"in {_known(usage.tokens_in)}, out {_known(usage.tokens_out)},"
        f" image {_known(usage.tokens_image)}, reasoning {_known(usage.tokens_reasoning)}",
        "cost": _known(usage.cost.micros and f"{usage.cost.micros / MILLION:.6f}")
        + f" {usage.cost.currency} ({usage.cost.source})",
        "latency": f"{report.latency_ms} ms",
    }
    if isinstance(answer.outcome, Drawn):
        facts["pictures"] = ", ".join(
            f"{picture.mime} {picture.width}x{picture.height} {picture.size} bytes"
            for picture in answer.outcome.pictures
        )
    for name, fact in facts.items():
        table.add_row(name, Text(str(fact if fact not in (None, "") else "-")))
    return table


def _known(value: object) -> str:
    return "?" if value is None else str(value)
