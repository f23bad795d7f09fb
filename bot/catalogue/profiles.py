"""Profiles: what one model can do and wants to be told, where its gateway is, what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date

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


@dataclass(frozen=True, slots=True)
class Price:
    """What a gateway takes, in millionths of `currency`: for a picture, for a million tokens.

    None where the price is not known; `by_size` are sizes with a price of their own. Tokens tell
    more than pictures where they are reported.
    """

    currency: str
    per_picture_micros: int | None = None
    input_per_million_micros: int | None = None
    output_per_million_micros: int | None = None
    image_output_per_million_micros: int | None = None
    by_size: tuple[tuple[str, int], ...] = ()

    def per_picture(self, size: str | None) -> int | None:
        """What a picture of a size takes, in millionths; the usual price where none is its own."""
        return dict(self.by_size).get(size or "", self.per_picture_micros)


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
    vector: bool = False
    credits: tuple[tuple[str, int], ...] = ()
    retry_sentence: str = ""
    extra: tuple[tuple[str, str | int | float | bool], ...] = ()
    aliases: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    retires: date | None = None
    hidden: bool = False

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
        return not self.hidden and (self.retires is None or today < self.retires)

    def charge(self, size: str | None) -> int:
        """What a picture of a size counts as against the limits of whoever asks for it."""
        return dict(self.credits).get(size or "", 1)

    def takes(self, inputs: int, *, mask: bool = False) -> bool:
        """Whether it can draw from so many pictures, the mask not counted; 0 is from words alone."""
        if not inputs:
            return self.route is not None
        return self.edits and inputs <= self.max_inputs and (self.mask or not mask)
