"""Inquiries: what an operator asks his gateways on the command line."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.catalogue.load import load_catalogue
from bot.domain import BotError, Drawn, InputError
from bot.gateway.account import AccountError, ProviderAccount
from bot.gateway.connect import gateway_key, open_gateways
from bot.gateway.request import ImageRequest, InputImage
from bot.media.inputs import Bounds, fit
from bot.media.store import MediaStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from bot.catalogue.models import Catalogue
    from bot.catalogue.profiles import GatewayProfile, Profile
    from bot.config import Settings
    from bot.domain import Answer, Picture
    from bot.gateway.account import ListedModel
    from bot.gateway.recording import Recording


_WIDEST = 250
# What is told less first where there is no room.
_COLUMNS = (
    ("model", "sent as", "route", "edits with", "state"),
    ("model", "route", "edits with", "state"),
    ("model", "state"),
)


class InquiryError(BotError):
    """A gateway did not answer what it was asked: one line for the operator, with its reason."""


async def models(settings: Settings, console: Console) -> None:
    """Print the catalogue, marking what the gateways do not list and what has retired.

    Raises InquiryError in the end where a gateway did not tell.
    """
    reasons: list[str] = []
    known = load_catalogue(settings.models_file)
    today = datetime.now(UTC).date()
    for gateway in known.gateways.values():
        try:
            async with _panel(settings, gateway) as panel:
                listed = {model.id: model for model in await panel.models()}
        except BotError as error:
            reasons.append(f"{gateway.name}: {error}")
            listed = None
        console.print(_fitted(known, gateway, listed, today), width=_room())
    if reasons:
        raise InquiryError("; ".join(reasons))


def _fitted(
    known: Catalogue, gateway: GatewayProfile, listed: Mapping[str, ListedModel] | None, today: date
) -> Table:
    """Lay the table out with as many of its columns as there is room for; long words are folded."""
    rows: list[dict[str, str | Text]] = [
        {
            "model": profile.id,
            "sent as": profile.name,
            "route": str(profile.route or "-"),
            "edits with": str(profile.edit_route or "-"),
            "state": _state(profile, listed, today),
        }
        for profile in known
        if profile.gateway == gateway.name
    ]
    console = Console(width=_WIDEST)
    room = _room()
    for columns in _COLUMNS:
        table = Table(title=f"gateway {gateway.name}")
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            table.add_row(*(row[column] for column in columns))
        if console.measure(table).maximum <= room:
            break
    return table


def _room() -> int:
    """Tell how wide a table may be; a file or a pipe has room for everything."""
    if sys.stdout.isatty() or os.environ.get("COLUMNS"):
        return shutil.get_terminal_size().columns
    return _WIDEST


def _state(profile: Profile, listed: Mapping[str, ListedModel] | None, today: date) -> Text:
    """Say the worst that is known of a model."""
    there = (listed or {}).get(profile.name)
    if listed is not None and there is None:
        return Text("not listed by the gateway", style="red")
    ends = min(filter(None, (profile.retires, there.retires if there else None)), default=None)
    if ends and ends <= today:
        return Text(f"retired on {ends}", style="red")
    if ends:
        return Text(f"retires on {ends}", style="yellow")
    if profile.hidden:
        return Text("not offered", style="yellow")
    return Text("listed" if there else "not known", style="green" if there else "")


async def balance(settings: Settings, console: Console) -> None:
    """Print what is left at each gateway; raises InquiryError where none of them tells."""
    gateways = load_catalogue(settings.models_file).gateways.values()
    reasons: list[str] = []
    told = [await _balance(settings, gateway, console, reasons) for gateway in gateways]
    if not any(told):
        raise InquiryError(f"no gateway tells its balance: {'; '.join(reasons)}")
    for reason in reasons:
        console.print(Text(reason, style="yellow"))


async def _balance(
    settings: Settings, gateway: GatewayProfile, console: Console, reasons: list[str]
) -> bool:
    """Ask by both routes; forks have the one, the other, or none."""
    told = False
    async with _panel(settings, gateway) as panel:
        for ask in (_token_usage, _billing):
            try:
                line = await ask(panel)
            except AccountError as error:
                reasons.append(f"{gateway.name}: {error}")
            else:
                console.print(Text(f"{gateway.name}: {line}"))
                told = True
    return told


async def _token_usage(panel: ProviderAccount) -> str:
    usage = await panel.token_usage()
    left = "no limit" if usage.unlimited else f"{usage.dollars(usage.available):.4f} USD left"
    return (
        f"key {usage.name or '-'}: {left}, {usage.dollars(usage.used):.4f} USD used"
        " (at 500,000 units a dollar, which the gateway may have changed)"
    )


async def _billing(panel: ProviderAccount) -> str:
    billing = await panel.billing()
    limit = "no limit" if billing.limit is None else f"limit {billing.limit:.4f} USD"
    return f"billing: {limit}, {billing.used:.4f} USD used"


@asynccontextmanager
async def _panel(settings: Settings, gateway: GatewayProfile) -> AsyncIterator[ProviderAccount]:
    key = gateway_key(gateway, settings, settings.gateway_api_key)
    panel = ProviderAccount(gateway.url or settings.gateway_url, key, proxy=gateway.proxy)
    try:
        yield panel
    finally:
        await panel.aclose()


PROMPT = "A small red circle on a white ground."
EDIT_PROMPT = "Make the background light blue."
SUFFIXES = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}
MILLION = 1_000_000
# The query of a link, which JSON may have escaped, up to where the link or the text ends.
_LINK = r"(?:[^\s\"'<>()\\?]|\\/|\\u[0-9a-fA-F]{4})"
_QUERY = re.compile(rf"(\bhttps?:{_LINK}{{1,2048}})\?(?:{_LINK}|\?)*", re.IGNORECASE)


class ProbeError(BotError):
    """The model cannot be asked this: one line for the operator."""


class NotDrawn(BotError):
    """The call brought no picture: one line for the operator, with its outcome."""


async def probe(
    settings: Settings, word: str, photo: Path | None, folder: Path, console: Console
) -> None:
    """Make one paid call, print what came back, and keep it in `folder`.

    The answer is kept without pictures and keys, as a file that can become a test; its pictures
    beside it. Raises ProbeError, InputError for a photo that is none, and in the end NotDrawn.
    """
    known = load_catalogue(settings.models_file)
    profile = _find(known, word, photo)
    recordings: list[Recording] = []
    async with AsyncExitStack() as stack:
        media = MediaStore.open(stack.enter_context(tempfile.TemporaryDirectory()))
        gateways = await stack.enter_async_context(
            open_gateways(
                [known.gateways[profile.gateway]], settings, settings.gateway_api_key, media
            )
        )
        order = await _order(settings, profile, photo, media)
        console.print(f"asking {profile.name} at {gateways[profile.gateway].host} …")
        answer = await gateways[profile.gateway].generate(order, record=recordings.append)
        # All of them: a gateway may repeat what it was sent, and by now each key was asked for.
        blank = partial(_blanked, secrets=settings.secrets())
        files = await asyncio.to_thread(_keep, folder, profile, answer, recordings, media, blank)
    console.print(_findings(answer, recordings))
    for file in files:
        console.print(f"kept {file}", soft_wrap=True)
    if not isinstance(answer.outcome, Drawn):
        raise NotDrawn(f"{profile.id}: {_reason(answer)}")


def _reason(answer: Answer) -> str:
    report = answer.report
    status = f"status {report.http_status}" if report.http_status else ""
    known = filter(None, (str(report.kind), status, " ".join(report.detail.split())))
    return ", ".join(known)


def _find(known: Catalogue, word: str, photo: Path | None) -> Profile:
    profile = known.find(word)
    if profile is None:
        ids = ", ".join(profile.id for profile in known)
        raise ProbeError(f"{word} is not in the catalogue; there are: {ids}")
    if photo and not profile.edits:
        raise ProbeError(f"{profile.id} works from words alone: leave --photo out")
    if not photo and profile.route is None:
        raise ProbeError(f"{profile.id} needs a picture: --photo FILE")
    return profile


async def _order(
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
        ready = await fit(media, stored.sha256, bounds)
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
            shutil.copyfile(media.path(picture.sha256), files[-1])
    return files


def _blanked(text: str, secrets: Sequence[str]) -> str:
    """Put `{{key}}` in place of each secret, and take the queries off links: they may sign them."""
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "{{key}}")
    return _QUERY.sub(r"\1", text)


def _head(profile: Profile, answer: Answer, recording: Recording) -> str:
    """Write the head of a recorded answer: what it is, and what it was taken for."""
    lines = [
        f"about: {profile.id}, {recording.content_type or 'no content type'}, {recording.shape}",
        f"status: {recording.status}",
        f"kind: {answer.report.kind}",
    ]
    if isinstance(answer.outcome, Drawn):
        lines += [
            f"pictures: {' '.join(_names(answer.outcome.pictures))}",
            f"text: {_one_line(answer.outcome.text)}",
        ]
    else:
        lines += [f"detail: {_one_line(answer.outcome.detail)}"]
    return "\n".join([*lines, ""])


def _names(pictures: Sequence[Picture]) -> list[str]:
    """Name the pictures as a recording does: png, png2, png3."""
    seen: Counter[str] = Counter()
    names: list[str] = []
    for picture in pictures:
        kind = picture.mime.removeprefix("image/")
        seen[kind] += 1
        names.append(kind if seen[kind] == 1 else f"{kind}{seen[kind]}")
    return names


def _one_line(text: str) -> str:
    return text.replace("\n", "\\n")


def _findings(answer: Answer, recordings: list[Recording]) -> Table:
    report, usage = answer.report, answer.report.usage
    table = Table(show_header=False, box=None)
    facts: dict[str, object] = {
        "outcome": report.kind,
        "said": answer.outcome.text if isinstance(answer.outcome, Drawn) else report.detail,
        "status": report.http_status,
        "shape": ", ".join(
            f"{recording.shape} ({'events' if recording.stream else 'JSON'})"
            for recording in recordings
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
