"""The catalogue of models: what each is called, can do, wants to be told and costs."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from bot.domain import BotError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

_SHIPPED = Path(__file__).with_name("models.toml")
_MICROS = 1_000_000
# Telegram's callback_data holds 64 bytes; the id shares them with the button's own words.
_ID_BYTES = 48
MAIN = "main"  # the gateway that the settings describe


class CatalogueError(BotError):
    """The catalogue is wrong: its text names file, model and field in one line."""


class Route(StrEnum):
    """Where a request goes: the path behind the gateway's URL."""

    CHAT = "chat/completions"
    GENERATIONS = "images/generations"
    EDITS = "images/edits"
    VARIATIONS = "images/variations"


class Modalities(StrEnum):
    """Which `modalities` a model is sent; NONE sends no such key."""

    NONE = "none"
    TEXT_IMAGE = "text_image"
    IMAGE_TEXT = "image_text"
    IMAGE = "image"


class RatioDialect(StrEnum):
    """How a gateway is told aspect ratio and size; NONE cannot be told.

    The first three belong to chat: `image_config`, the new-api family's literal `extra_body`, and
    AiHubMix's system message. PIXELS sends `size` as width x height; RATIO sends `aspect_ratio`,
    and `resolution` where a size was chosen.
    """

    NONE = "none"
    IMAGE_CONFIG = "image_config"
    EXTRA_BODY = "extra_body"
    SYSTEM_MESSAGE = "system_message"
    PIXELS = "pixels"
    RATIO = "ratio"


class InputDialect(StrEnum):
    """How pictures are sent along.

    PARTS of a chat message; files of a MULTIPART form; `image` as data URL or list of them
    (Seedream); `image` or `images` as objects with a `url` (xAI); `input_references` (OpenRouter).
    """

    PARTS = "parts"
    MULTIPART = "multipart"
    IMAGE = "image"
    IMAGE_OBJECTS = "image_objects"
    REFERENCES = "references"


class Keep(StrEnum):
    """Which pictures of an answer are results: all, or the last where the others are drafts."""

    ALL = "all"
    LAST = "last"


@dataclass(frozen=True, slots=True)
class Price:
    """What a gateway takes, in millionths of `currency`: for a picture, for a million tokens.

    None where the price is not known. Tokens tell more than pictures where they are reported.
    """

    currency: str
    per_picture_micros: int | None = None
    input_per_million_micros: int | None = None
    output_per_million_micros: int | None = None
    image_output_per_million_micros: int | None = None


@dataclass(frozen=True, slots=True)
class GatewayProfile:
    """One gateway: `url` ends before the route; `key` names the variable that holds its key.

    `proxy` is an http URL or empty; `connect_timeout` and `timeout` (a whole answer) in seconds.
    None means what the settings say: GATEWAY_URL, GATEWAY_API_KEY, GENERATION_TIMEOUT.
    """

    name: str
    url: str | None = None
    key: str | None = None
    proxy: str = ""
    connect_timeout: float = 10.0
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of one gateway: `id` is ours, `model` is what the gateway calls it.

    `route` draws from words alone, None if a picture is needed; `edit_route` works on pictures
    that are sent along as `inputs` says, None if it cannot. `max_inputs` counts them (0 if it does
    not edit), `input_side` (pixels) and `input_bytes` are the largest that are sent. `pixels` maps
    aspect ratios to "WxH" at `base_size`. `image_sentence` is put behind every prompt,
    `retry_sentence` behind the prompt of the one repetition after an answer of words alone; empty
    means none. `extra` are further fields of the request's body. `retires` is the day from which
    it is no longer offered.
    """

    id: str
    label: str
    modalities: Modalities = Modalities.NONE
    ratio_dialect: RatioDialect = RatioDialect.NONE
    aspect_ratios: tuple[str, ...] = ()
    max_inputs: int = 0
    image_sentence: str = ""
    price: Price | None = None
    model: str = ""
    gateway: str = MAIN
    route: Route | None = Route.CHAT
    edit_route: Route | None = None
    inputs: InputDialect = InputDialect.PARTS
    sizes: tuple[str, ...] = ()
    base_size: str = "1K"
    pixels: tuple[tuple[str, str], ...] = ()
    input_side: int = 2048
    input_bytes: int = 4 * 1024 * 1024
    mask: bool = False
    stream: bool = False
    keep: Keep = Keep.ALL
    retry_sentence: str = ""
    extra: tuple[tuple[str, str | int | float | bool], ...] = ()
    aliases: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    retires: date | None = None

    @property
    def name(self) -> str:
        """What the gateway calls the model."""
        return self.model or self.id

    @property
    def edits(self) -> bool:
        """Whether it works on pictures that are sent along."""
        return self.edit_route is not None

    def offered(self, today: date) -> bool:
        """Whether users are shown it; one that has retired is still obeyed where it is named."""
        return self.retires is None or today < self.retires


class Catalogue:
    """All models, in the order in which users see them."""

    def __init__(self, profiles: tuple[Profile, ...]) -> None:
        self._profiles = {profile.id: profile for profile in profiles}

    def get(self, model_id: str) -> Profile | None:
        """Look a model up by the id that the gateway knows."""
        return self._profiles.get(model_id)

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._profiles.values())

    def __len__(self) -> int:
        return len(self._profiles)


def load(path: Path | None = None) -> Catalogue:
    """Read the catalogue from `path`, or the one that is shipped.

    Raises CatalogueError with one line that names file, model and field.
    """
    source = path or _SHIPPED
    try:
        return parse(source.read_text(encoding="utf-8"), str(source))
    except (OSError, UnicodeDecodeError) as exc:
        raise CatalogueError(f"{source}: cannot be read ({type(exc).__name__})") from exc


def parse(text: str, name: str) -> Catalogue:
    """Read the catalogue from TOML; `name` is the file's, for CatalogueError."""
    try:
        return _catalogue(tomllib.loads(text))
    except tomllib.TOMLDecodeError as exc:
        raise CatalogueError(f"{name}: is not TOML: {exc}") from exc
    except _Wrong as exc:
        raise CatalogueError(f"{name}: {exc}") from None


def default_model(catalogue: Catalogue, model_id: str) -> Profile:
    """Look the default model up; CatalogueError names the setting and what there is."""
    profile = catalogue.get(model_id)
    if profile is None:
        known = ", ".join(known.id for known in catalogue)
        raise CatalogueError(f"DEFAULT_MODEL is not in the catalogue; there are: {known}")
    return profile


class _Wrong(Exception):
    """What is wrong, and where inside the file."""


T = TypeVar("T")


class _Entry:
    """One table of the file: gives out checked values, and knows which keys were asked for."""

    def __init__(self, name: str, values: object) -> None:
        if not isinstance(values, dict):
            raise _Wrong(f"{name}: must be a table")
        self.name = name
        self._values = dict(values)

    def take(self, field: str, kind: type[T], default: T | None = None) -> T:
        value = self._values.pop(field, default)
        if value is None:
            raise self.wrong(field, "is missing")
        # A bool is an int to Python, not to a reader.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.wrong(field, f"must be {_KINDS[kind]}")
        return value

    def micros(self, field: str) -> int | None:
        text = self.take(field, str, "")
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", text):
            raise self.wrong(field, 'must be a decimal string such as "0.039"')
        return int(Decimal(text) * _MICROS)

    def rest(self, field: str) -> object:
        return self._values.pop(field, None)

    def end(self) -> None:
        for field in self._values:
            raise self.wrong(field, "is not known")

    def wrong(self, field: str, what: str) -> _Wrong:
        return _Wrong(f"{self.name}: {field} {what}")


_KINDS: dict[type, str] = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
}


def _catalogue(document: dict[str, object]) -> Catalogue:
    entries = document.pop("model", None)
    if not isinstance(entries, list) or not entries:
        raise _Wrong("model: must be at least one [[model]] table")
    for unknown in document:
        raise _Wrong(f"{unknown} is not known")
    profiles = tuple(_profile(position, entry) for position, entry in enumerate(entries, 1))
    seen: set[str] = set()
    for profile in profiles:
        if profile.id in seen:
            raise _Wrong(f"model {profile.id}: id is there twice")
        seen.add(profile.id)
    return Catalogue(profiles)


def _profile(position: int, values: object) -> Profile:
    entry = _Entry(f"model number {position}", values)
    model_id = _model_id(entry)
    entry.name = f"model {model_id}"
    dialect = _one_of(entry, "ratio_dialect", RatioDialect)
    edits = entry.take("edits", bool)
    profile = Profile(
        id=model_id,
        label=_words(entry, "label"),
        modalities=_one_of(entry, "modalities", Modalities),
        ratio_dialect=dialect,
        aspect_ratios=_ratios(entry, dialect),
        edit_route=Route.CHAT if edits else None,
        max_inputs=_max_inputs(entry, edits=edits),
        image_sentence=entry.take("image_sentence", str, "").strip(),
        price=_price(entry),
    )
    entry.end()
    return profile


def _model_id(entry: _Entry) -> str:
    model_id = entry.take("id", str)
    if not re.fullmatch(r"[!-~]+", model_id) or len(model_id) > _ID_BYTES:
        raise entry.wrong("id", f"must be 1 to {_ID_BYTES} plain characters without spaces")
    return model_id


def _words(entry: _Entry, field: str) -> str:
    text = entry.take(field, str).strip()
    if not text:
        raise entry.wrong(field, "is empty")
    return text


E_ = TypeVar("E_", bound=StrEnum)


def _one_of(entry: _Entry, field: str, kind: type[E_]) -> E_:
    value = entry.take(field, str)
    if value not in set(kind):
        raise entry.wrong(field, f"must be one of {', '.join(kind)}")
    return kind(value)


def _ratios(entry: _Entry, dialect: RatioDialect) -> tuple[str, ...]:
    ratios = entry.take("aspect_ratios", list, [])
    if not all(
        isinstance(ratio, str) and re.fullmatch(r"[1-9]\d?:[1-9]\d?", ratio) for ratio in ratios
    ):
        raise entry.wrong("aspect_ratios", 'must be a list of texts such as "16:9"')
    if len(set(ratios)) != len(ratios):
        raise entry.wrong("aspect_ratios", "has one twice")
    if bool(ratios) == (dialect is RatioDialect.NONE):
        raise entry.wrong("aspect_ratios", "and ratio_dialect must be given together")
    return tuple(ratios)


def _max_inputs(entry: _Entry, *, edits: bool) -> int:
    count = entry.take("max_inputs", int, None if edits else 0)
    if edits != (count > 0):
        raise entry.wrong("max_inputs", "must be at least 1 if edits is true, else 0")
    return count


def _price(model: _Entry) -> Price | None:
    values = model.rest("price")
    if values is None:
        return None
    entry = _Entry(f"{model.name}: price", values)
    currency = entry.take("currency", str)
    if not re.fullmatch(r"[A-Z]{3}", currency):
        raise entry.wrong("currency", "must be three capital letters such as USD")
    names = [field.name for field in fields(Price) if field.name.endswith("_micros")]
    amounts = {name: entry.micros(name.removesuffix("_micros")) for name in names}
    entry.end()
    if set(amounts.values()) == {None}:
        raise entry.wrong("currency", "stands there without any price")
    return Price(currency, **amounts)
