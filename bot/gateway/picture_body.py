"""A body that is nothing but a picture: its own bytes, where others send JSON."""

from __future__ import annotations

from dataclasses import dataclass

from bot.gateway.image_extractor import ImageChunk
from bot.media.formats import sniff


def is_picture(head: bytes) -> bool:
    """Whether a body that begins so (64 bytes suffice) is a picture."""
    return sniff(head) is not None or head.startswith(b"<svg")


@dataclass(slots=True)
class PictureBody:
    """Hands the bytes on as they come; `remainder` is the answer that would have had them in it."""

    index: int

    @property
    def remainder(self) -> bytes:
        return f'{{"data":[{{"b64_json":"\ue000{self.index}\ue001"}}]}}'.encode()

    def feed(self, data: bytes) -> list[ImageChunk]:
        return [ImageChunk(self.index, data)]

    def finish(self) -> list[ImageChunk]:
        return []
