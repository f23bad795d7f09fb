"""Profiles: what one model can do and wants to be told, where its gateway is, what it costs.

The annotations say what an operator's file may hold; a profile made in code is not checked.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, Strict, StrictBool, StrictInt

from bot.catalogue.toml import (
    STRICT,
    Alias,
    Distinct,
    ExtraName,
    Label,
    LongWord,
    Micros,
    Pixels,
    Ratio,
    Scalar,
    Seconds,
    Size,
    Word,
)
from bot.values import GatewayUrl, http_url, matching

MAIN = "main"  # the gateway that the settings describe


class Route(StrEnum):
    """Where a request goes: the path behind the gateway's URL."""

    CHAT = "chat/completions"
    GENERATIONS = "images/generations"
    EDITS = "images/edits"
    VARIATIONS = "images/variations"
    IMAGES = "images"  # OpenRouter's own, for drawing and editing alike


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
    and `resolution` where a size was chosen; RATIO_LOWER the same with `2k` for 2K (xAI).
    """

    NONE = "none"
    IMAGE_CONFIG = "image_config"
    EXTRA_BODY = "extra_body"
    SYSTEM_MESSAGE = "system_message"
    PIXELS = "pixels"
    RATIO = "ratio"
    RATIO_LOWER = "ratio_lower"


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


def _route(value: object) -> object:
    if value == "none":
        return None
    if value not in list(Route):
        raise ValueError(f"must be one of {', '.join(Route)}, none")
    return value


def _key_name(name: str) -> str:
    # Not quoted: somebody may have put the key itself here.
    if not re.fullmatch(r"[A-Z][A-Z0-9_]{0,63}", name):
        raise ValueError("must be the NAME of the environment variable that holds the key")
    if not re.search("KEY|TOKEN|SECRET", name):  # a gateway is told its value: never PATH or HOME
        raise ValueError("must be a name with KEY, TOKEN or SECRET, such as OTHER_API_KEY")
    return name


def _proxy(url: str) -> str:
    return http_url(url, "http") if url else ""


MaybeRoute = Annotated[Route | None, BeforeValidator(_route)]


@dataclass(frozen=True, slots=True)
class Price:
    """What a gateway takes, in millionths of `currency`: for a picture, for a million tokens.

    None where the price is not known; `by_size` are sizes with a price of their own. Tokens tell
    more than pictures where they are reported.
    """

    __pydantic_config__ = STRICT

    currency: Annotated[str, matching("[A-Z]{3}", "must be three capital letters such as USD")]
    per_picture_micros: Annotated[Micros, Field(alias="per_picture")] = None
    input_per_million_micros: Annotated[Micros, Field(alias="input_per_million")] = None
    output_per_million_micros: Annotated[Micros, Field(alias="output_per_million")] = None
    image_output_per_million_micros: Annotated[Micros, Field(alias="image_output_per_million")] = (
        None
    )
    by_size: Mapping[str, Micros] = field(default_factory=dict)

    def per_picture(self, size: str | None) -> int | None:
        """What a picture of a size takes, in millionths; the usual price where none is its own."""
        return self.by_size.get(size or "", self.per_picture_micros)


@dataclass(frozen=True, slots=True)
class GatewayProfile:
    """One gateway: `url` ends before the route; `key` names the variable that holds its key.

    `proxy` is an http URL or empty; `connect_timeout` and `timeout` (a whole answer) in seconds.
    None means what the settings say: GATEWAY_URL, GATEWAY_API_KEY, GENERATION_TIMEOUT.
    """

    __pydantic_config__ = STRICT

    name: Annotated[
        str,
        Field(alias="NAME"),
        matching(r"[a-z0-9_-]{1,32}", "must be small letters, digits, - and _"),
    ]
    url: GatewayUrl | None = None
    key: Annotated[str, AfterValidator(_key_name)] | None = None
    proxy: Annotated[str, AfterValidator(_proxy)] = ""
    connect_timeout: Annotated[Seconds, Field(le=60)] = 10.0
    timeout: Annotated[Seconds, Field(le=3600)] | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """One model of one gateway: `id` is ours, `model` is what the gateway calls it.

    `route` draws from words alone, None if a picture is needed; `edit_route` works on pictures that
    are sent along as `inputs` says, None if it cannot. `max_inputs` counts them (0 if it does not
    edit), `input_side` (pixels) and `input_bytes` are the largest that are sent. `pixels` maps
    aspect ratios to "WxH" at `base_size`. `image_sentence` is put behind every prompt,
    `retry_sentence` behind the prompt of the one repetition after an answer of words alone; empty
    means none. With `vector` SVG among the words of an answer without pictures is a picture.
    `credits` maps sizes to the pictures that one of them counts as, all others count as one.
    `extra` are further fields of the request's body. `retires` is the day from which it is no
    longer offered; `hidden` is never offered.
    """

    __pydantic_config__ = STRICT

    id: Word
    label: Label
    modalities: Modalities = Modalities.NONE
    ratio_dialect: RatioDialect = RatioDialect.NONE
    aspect_ratios: Annotated[tuple[Ratio, ...], Distinct] = ()
    max_inputs: Annotated[StrictInt, Field(ge=0, le=100)] = 0
    image_sentence: str = ""
    price: Price | None = None
    model: LongWord = ""
    gateway: str = MAIN
    route: MaybeRoute = Route.CHAT
    edit_route: MaybeRoute = None
    inputs: InputDialect = InputDialect.PARTS
    sizes: Annotated[tuple[Size, ...], Distinct] = ()
    base_size: Size = "1K"
    pixels: Mapping[Ratio, Pixels] = field(default_factory=dict)
    input_side: Annotated[StrictInt, Field(ge=64, le=16_384)] = 2048
    input_bytes: Annotated[StrictInt, Field(ge=1024, le=64 * 1024 * 1024)] = 4 * 1024 * 1024
    mask: StrictBool = False
    stream: StrictBool = False
    keep: Keep = Keep.ALL
    vector: StrictBool = False
    credits: Mapping[str, Annotated[StrictInt, Field(ge=1, le=99)]] = field(default_factory=dict)
    retry_sentence: str = ""
    extra: Mapping[ExtraName, Scalar] = field(default_factory=dict)
    aliases: Annotated[tuple[Alias, ...], Distinct] = ()
    fallbacks: Annotated[tuple[Word, ...], Distinct] = ()
    retires: Annotated[date, Strict()] | None = None
    hidden: Annotated[StrictBool, Field(alias="offered"), AfterValidator(operator.not_)] = False

    @property
    def name(self) -> str:
        """What the gateway calls the model."""
        return self.model or self.id

    @property
    def edits(self) -> bool:
        return self.edit_route is not None

    def offered(self, today: date) -> bool:
        """Whether users are shown it; one that has retired is still obeyed where it is named."""
        return not self.hidden and (self.retires is None or today < self.retires)

    def charge(self, size: str | None) -> int:
        """What a picture of a size counts as against the limits of whoever asks for it."""
        return self.credits.get(size or "", 1)

    def takes(self, inputs: int, *, mask: bool = False) -> bool:
        """Whether it can draw from so many pictures, the mask not counted; 0 is from words alone."""
        if not inputs:
            return self.route is not None
        return self.edits and inputs <= self.max_inputs and (self.mask or not mask)
