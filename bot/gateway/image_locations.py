"""The places of an answer where pictures and words stand, in the many shapes of gateways."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from bot.gateway.errors import plain
from bot.gateway.image_extractor import PLACEHOLDER
from bot.gateway.links import clean, find_links, is_link, without_images
from bot.gateway.spoken import as_parts, without_thoughts
from bot.gateway.stray_images import stray_images

_TEXT = 20_000
_LOOKED_AT = 5 * _TEXT  # what is behind it is no words, unless it is a picture by itself


@dataclass(frozen=True, slots=True)
class ExtractedImage:
    """A picture that the extractor cut out; `index` None was base64, but no picture."""

    index: int | None


@dataclass(frozen=True, slots=True)
class LinkedImage:
    """A picture that must be fetched; `url` may be relative to the gateway's origin."""

    url: str


@dataclass(frozen=True, slots=True)
class InlineSvg:
    """A picture that is written out as SVG."""

    svg: str


FoundImage = ExtractedImage | LinkedImage | InlineSvg


# Hostile texts are read too, in the event loop: no pattern may look at a character more often
# than a few times. So repetitions are possessive, and end where another match could begin.
_DATA_URL = r"(?:data:[^:,\s\ue000]{0,110}+(?<=(?i:base64)),\s{0,8}+)?"
_ALT = r"\[[^\[\]\n]{0,300}+\]"
_TITLE = r"[^()\[\n]{0,300}+"
_TAKEN = PLACEHOLDER.pattern
_MARKDOWN_CUT = re.compile(rf"!?{_ALT}\(\s{{0,8}}+<?{_DATA_URL}{_TAKEN}{_TITLE}\)")
_BARE_CUT = re.compile(rf"[\"'`<]?{_DATA_URL}{_TAKEN}[\"'`>]?")
_IMAGE_TAG_CUT = re.compile(rf"<(?i:img)\b[^<>\ue000]{{0,300}}+{_TAKEN}[^<>\ue000]{{0,300}}+>")
_BASE64_URL = re.compile(r"(?i:base64),\s{0,8}" + _TAKEN)
# What may become a picture: Markdown's brackets, a data URL, a long word, a short one at the start.
_UNFINISHED = re.compile(
    r"!?\[[^\[\]\n]{0,300}+(?:\](?:\([^)\[\n]*+)?)?\Z"
    r"|!\Z|\bdata:[^\s:]*+\Z|(?<![\w+/=-])[\w+/=-]{40,}+\Z|\A[\w+/=-]{1,40}+\Z"
)
_TAIL = 5000  # characters; as long as the extractor is undecided, and its text is held back
_SVG, _SVG_END = "<svg", "</svg>"
_SVG_URL = re.compile(r"(?i:data:image/svg\+xml)[^,<%]{0,60}+,")
_FENCE, _FENCE_END = re.compile(r"```\w{0,10}+\s{0,9}+\Z"), re.compile(r"\A\s{0,9}+```")
_BLANK_LINES = re.compile(r"\n{3,}")
# AiHubMix's two, which repeat the content, and LangChain's.
_MIXED = ("multi_mod_content", "multi_modal_content", "content_blocks")
_SPOKEN = (*_MIXED, "parts")
_ONLY_IMAGES = (
    *("images", "image", "image_url", "image_urls", "image_data", "generated_images"),
    *("output_images", "attachments", "files", "media"),
)
_THOUGHT = re.compile(r"(?i:reasoning|thinking|thought)")
_KEYS = (
    "image_url",
    "imageUrl",
    "url",
    "inline_data",
    "inlineData",
    "data",
    "b64_json",
    "image_base64",
    "image",
    "source",
    "result",
    "file",
    "file_data",
    "fileData",
    "file_url",
    "file_uri",
    "fileUri",
)


@dataclass(slots=True)
class ImageLocations:
    """Collects, in the order of trust, what the places of one answer hold."""

    refusals: list[str] = field(default_factory=list)
    images: list[FoundImage] = field(default_factory=list)
    markdown_images: list[FoundImage] = field(default_factory=list)
    links: list[FoundImage] = field(default_factory=list)
    svgs: list[FoundImage] = field(default_factory=list)
    _texts: list[str] = field(default_factory=list)
    _shapes: list[str] = field(default_factory=list)

    def shape(self) -> str:
        return ", ".join(dict.fromkeys(self._shapes))

    def text(self) -> str:
        return plain(_BLANK_LINES.sub("\n\n", "\n".join(self._texts)), _TEXT, links=True)

    def message(self, message: Mapping[str, object], name: str = "message") -> None:
        """Take a chat message: its own places for pictures first, then its content.

        The first that has words speaks for all: what other choices say is another answer.
        """
        said = len(self._texts)
        for key in (*_ONLY_IMAGES, *_MIXED):
            if value := message.get(key):
                self._add_images(value, f"{name}.{key}")
        content = message.get("content") or next(filter(None, map(message.get, _SPOKEN)), None)
        if isinstance(content, dict):  # Gemini's own content, in a message
            content = content.get("parts") or content
        content = as_parts(without_thoughts(content)) if isinstance(content, str) else content
        shape = f".content: {_content_shape(content)}" if isinstance(content, str) else ".content[]"
        self._add_parts(content, f"{name}{shape}")
        if isinstance(refusal := message.get("refusal"), str) and refusal:
            self.refusals.append(refusal)
        del self._texts[said or len(self._texts) :]

    def _add_images(self, value: object, shape: str) -> None:
        """Take what stands where only pictures stand; words beside them are repetitions."""
        with self._from(shape):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str):
                    self._add_source(item)
                elif isinstance(item, dict) and not _is_thought(item):
                    self._add_object(item)

    def _add_parts(self, value: object, shape: str) -> None:
        with self._from(shape):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, str):
                    self.add_text(part)
                elif isinstance(part, dict) and not _is_thought(part):
                    self._add_object(part)
                    if isinstance(text := part.get("text"), str) and text:
                        self.add_text(without_thoughts(text))
                    if isinstance(refusal := part.get("refusal"), str) and refusal:
                        self.refusals.append(refusal)

    def data(self, value: object) -> None:
        """Take the `data` of an images route; where a picture is missing, its prompt is words."""
        for item in value if isinstance(value, list) else [value]:
            key = "b64_json" if isinstance(item, dict) and item.get("b64_json") else "url"
            self._add_images(item, f"data[].{key}")
            if isinstance(item, dict) and not any(map(item.get, _KEYS)):
                prompt = item.get("revised_prompt")
                self.add_text(prompt if isinstance(prompt, str) else "")

    def candidate(self, content: Mapping[str, object]) -> None:
        """Take the content of a candidate, Gemini's own shape; of words like `message`."""
        said = len(self._texts)
        self._add_parts(content.get("parts"), "candidates[].content.parts[]")
        del self._texts[said or len(self._texts) :]

    def output(self, items: Sequence[Mapping[str, object]]) -> None:
        for item in items:
            if item.get("type") == "image_generation_call":
                self._add_images(item.get("result"), "output[].result")
            elif item.get("type") in ("message", None):
                self._add_parts(item.get("content"), "output[].content[]")

    def anywhere(self, document: object) -> None:
        """Take what stands at any other place, where none of the known ones has a picture."""
        if not (self.images or self.markdown_images or self.links or self.svgs):
            with self._from("elsewhere"):
                for source in stray_images(document):
                    self._add_source(source)

    @contextlib.contextmanager
    def _from(self, shape: str) -> Iterator[None]:
        before = len(self.images) + len(self.markdown_images) + len(self.links)
        yield
        if len(self.images) + len(self.markdown_images) + len(self.links) > before:
            self._shapes.append(shape)

    def _add_object(self, item: Mapping[str, object]) -> None:
        """Take what an object holds; a link beside a picture leads to the same."""
        sources = [
            source
            for value in map(item.get, _KEYS)
            for inner in (value if isinstance(value, list) else [value])
            if isinstance(source := _source(inner), str)
        ]
        whole = [
            source for source in sources if any(cut.index is not None for cut in _cuts(source))
        ]
        for source in whole or sources:
            self._add_source(source)

    def _add_source(self, source: str) -> None:
        """Take a text that is nothing but a picture: base64, a data URL or a link."""
        cuts = list(_cuts(source))
        self.images += cuts
        if cuts:
            return
        if is_link(url := clean(source), bare=True):
            self.images.append(LinkedImage(url))
        elif svg := _svg(source.strip()):
            self.images.append(InlineSvg(svg))
        else:
            self.images += [LinkedImage(link.url) for link in find_links(source[:_LOOKED_AT])]

    def add_text(self, text: str) -> None:
        whole = text
        self.images += _cuts(text)
        text = without_images(_without_cuts(text[:_LOOKED_AT]), linked=False)
        for link in find_links(text):
            images = self.markdown_images if link.image else self.links
            images.append(LinkedImage(link.url))
            self.links += [LinkedImage(link.outer)] if link.outer else []
        self.svgs += [InlineSvg(svg)] if (svg := _drawing(whole)) else []
        self._texts += [text.strip()] if text.strip() else []


def _source(inner: object) -> object:
    if not isinstance(inner, dict):
        return inner
    return next((inner[name] for name in _KEYS if inner.get(name)), None)


def _without_cuts(text: str) -> str:
    return _BARE_CUT.sub("", _MARKDOWN_CUT.sub("", _IMAGE_TAG_CUT.sub("", text)))


def _svg(source: str) -> str:
    """Read a text that is nothing but SVG, or a data URL of it that is no base64; else empty."""
    if found := _SVG_URL.match(source):
        source = unquote(source[found.end() :], errors="replace")
    return source if source.startswith(("<svg", "<?xml")) else ""


def _drawing(text: str) -> str:
    start, end = text.find(_SVG), text.rfind(_SVG_END)
    return text[start : end + len(_SVG_END)] if 0 <= start < end else ""


def without_svg(text: str) -> str:
    before, _, rest = text.partition(_SVG)
    after = rest.rpartition(_SVG_END)[2] if _SVG_END in rest else ""
    whole = (_FENCE.sub("", before).strip(), _FENCE_END.sub("", after).strip())
    return plain("\n\n".join(filter(None, whole)), _TEXT)


def _is_thought(part: Mapping[str, object]) -> bool:
    """Whether a part is what the model thinks: `reasoning.text`, `thinking`, `thought` ..."""
    kind = part.get("type")
    return part.get("thought") is True or (isinstance(kind, str) and bool(_THOUGHT.search(kind)))


def _content_shape(content: str) -> str:
    beginning = content[:_LOOKED_AT]
    if _MARKDOWN_CUT.search(beginning):
        return "Markdown data URL"
    if PLACEHOLDER.search(content):
        return "data URL" if _BASE64_URL.search(content) else "base64"
    return "Markdown link" if any(link.image for link in find_links(beginning)) else "link"


def spoken_words(text: str) -> str:
    """Leave of a text that is still coming what is surely words."""
    text = without_thoughts(text)
    tail = _UNFINISHED.sub("", text[-_TAIL:])
    text = without_images(_without_cuts(text[:-_TAIL] + tail), linked=True)
    return plain(_BLANK_LINES.sub("\n\n", text), _TEXT)


def _cuts(text: str) -> Iterator[ExtractedImage]:
    for index in PLACEHOLDER.findall(text):
        yield ExtractedImage(None if index == "x" else int(index))
