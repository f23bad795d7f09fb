"""Files that Telegram keeps: photos in their sizes, documents as they came."""

from __future__ import annotations

import io
from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageOps, UnidentifiedImageError

from .errors import bad_request
from .schema import Json

Kind = Literal["photo", "document", "voice"]

PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_SIDES = 10_000  # width + height
PHOTO_RATIO = 20
DOWNLOAD_BYTES = 20 * 1024 * 1024
_SIDES = (90, 320, 1280)  # what a photo is offered in, longest side
_ORIENTATION = 0x0112  # of EXIF
_ON_ITS_SIDE = range(5, 9)
_THUMBNAIL = 320
_THUMBNAIL_PIXELS = 20_000_000  # larger picture documents get no thumbnail


@dataclass(frozen=True, slots=True)
class Size:
    """One rendition of a photo, before it is kept."""

    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """A file that can be named by its id and downloaded by its path."""

    file_id: str
    unique_id: str
    kind: Kind
    path: str
    mime: str
    data: bytes
    form: Json  # the Message member made of it: PhotoSize list or Document

    def file(self) -> Json:
        """Give the `File` object of getFile."""
        return {
            "file_id": self.file_id,
            "file_unique_id": self.unique_id,
            "file_size": len(self.data),
            "file_path": self.path,
        }


class Files:
    """All files, at most `max_bytes` of them: the oldest are dropped first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._count = 0
        self._by_id: OrderedDict[str, Stored] = OrderedDict()
        self._by_path: dict[str, str] = {}

    def keep_photo(self, sizes: list[Size]) -> Json:
        """Keep the renditions of a photo and give the content of its message."""
        photo: list[Json] = []
        for size in sizes:
            photo.append(self._keep_size(size, photo))
        return {"photo": photo}

    def keep_document(self, data: bytes, name: str, mime: str, thumbnail: Size | None) -> Json:
        """Keep a document's bytes untouched and give the content of its message."""
        file_id, unique_id = self._ids("BQACAgIAA")
        form: Json = {"file_name": name, "mime_type": mime}
        if thumbnail is not None:
            form["thumbnail"] = self._keep_thumbnail(thumbnail)
        form |= {"file_id": file_id, "file_unique_id": unique_id, "file_size": len(data)}
        suffix = name.rpartition(".")[2] if "." in name else "bin"
        path = f"documents/file_{self._count}.{suffix if suffix.isalnum() else 'bin'}"
        self._keep(Stored(file_id, unique_id, "document", path, mime, data, {"document": form}))
        return {"document": form}

    def keep_voice(self, data: bytes, seconds: int) -> Json:
        """Keep a voice message and give its content."""
        file_id, unique_id = self._ids("AwACAgIAA")
        form: Json = {
            "file_id": file_id,
            "file_unique_id": unique_id,
            "file_size": len(data),
            "duration": seconds,
            "mime_type": "audio/ogg",
        }
        path = f"voice/file_{self._count}.oga"
        self._keep(Stored(file_id, unique_id, "voice", path, "audio/ogg", data, {"voice": form}))
        return {"voice": form}

    def find(self, file_id: str) -> Stored | None:
        """Find a file by its id; dropped ones are gone."""
        return self._by_id.get(file_id)

    def at(self, path: str) -> Stored | None:
        """Find a file by the path that getFile told."""
        return self._by_id.get(self._by_path.get(path, ""))

    def again(self, file_id: str, kind: Kind) -> Json:
        """Give the message content for a file id that is sent again."""
        stored = self.find(file_id)
        if stored is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        if stored.kind != kind:
            raise bad_request(f"can't use file of type {stored.kind.title()} as {kind.title()}")
        return stored.form

    def _keep_size(self, size: Size, group: list[Json]) -> Json:
        file_id, unique_id = self._ids("AgACAgIAA")
        form: Json = {
            "file_id": file_id,
            "file_unique_id": unique_id,
            "file_size": len(size.data),
            "width": size.width,
            "height": size.height,
        }
        path = f"photos/file_{self._count}.jpg"
        mime = sniff(size.data)
        # The group is still being filled: any size's id stands for the whole photo.
        stored = Stored(file_id, unique_id, "photo", path, mime, size.data, {"photo": group})
        self._keep(stored)
        return form

    def _keep_thumbnail(self, size: Size) -> Json:
        return self.keep_photo([size])["photo"][0]  # type: ignore[no-any-return]

    def _ids(self, prefix: str) -> tuple[str, str]:
        """Give ids of the real ones' length: they must fit where those would."""
        self._count += 1
        return f"{prefix}xkBAAI{self._count:045d}AAgACAAMCAAN5AAc2BA", f"AQADx{self._count:011d}"

    def _keep(self, stored: Stored) -> None:
        self._by_id[stored.file_id] = stored
        self._by_path[stored.path] = stored.file_id
        self._bytes += len(stored.data)
        while self._bytes > self._max_bytes and len(self._by_id) > 1:
            _, old = self._by_id.popitem(last=False)
            del self._by_path[old.path]
            self._bytes -= len(old.data)


def render(data: bytes, *, recompress: bool = True) -> list[Size]:
    """Make the renditions of a photo as the real server does (slow: not for the event loop).

    Without `recompress` only the header is read and the one size is the given bytes.
    Raises `ApiError` for what is no picture or too long a picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            width, height = _checked(image)
            targets = _targets(width, height)
            if not recompress:
                return [Size(*targets[-1], data)]
            return _shrunk(image, targets)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise bad_request("IMAGE_PROCESS_FAILED") from error


def thumbnail(data: bytes, mime: str) -> Size | None:
    """Make the thumbnail of a picture that is sent as a document, None for anything else."""
    if not mime.startswith("image/"):
        return None
    try:
        with Image.open(io.BytesIO(data)) as image:
            if image.width * image.height > _THUMBNAIL_PIXELS:
                return None
            return _shrunk(image, [_fit(image.width, image.height, _THUMBNAIL)])[0]
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def sniff(data: bytes) -> str:
    """Tell a content type by the first bytes."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[:6] in {b"GIF87a", b"GIF89a"}:
        return "image/gif"
    if data[4:8] == b"ftyp" and data[8:12] in {b"heic", b"heix", b"mif1", b"heif"}:
        return "image/heic"
    return "application/octet-stream"


def _checked(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    ratio = max(width, height) / max(1, min(width, height))
    if width + height > PHOTO_SIDES or ratio > PHOTO_RATIO:
        raise bad_request("PHOTO_INVALID_DIMENSIONS")
    # A PNG would be decoded whole in search of a note that it hardly ever has.
    turned = image.format != "PNG" and image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    return (height, width) if turned else (width, height)


def _targets(width: int, height: int) -> list[tuple[int, int]]:
    longest = max(width, height)
    sides = [side for side in _SIDES if side < longest]
    if longest <= _SIDES[-1]:
        sides.append(longest)
    return [_fit(width, height, side) for side in sides]


def _fit(width: int, height: int, side: int) -> tuple[int, int]:
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _shrunk(image: Image.Image, targets: list[tuple[int, int]]) -> list[Size]:
    image.draft("RGB", targets[-1])
    upright = ImageOps.exif_transpose(image)
    flat = _on_white(upright) if upright.has_transparency_data else upright.convert("RGB")
    sizes: list[Size] = []
    for target in reversed(targets):
        flat = flat.resize(target, Image.Resampling.BILINEAR, reducing_gap=2.0)
        buffer = io.BytesIO()
        flat.save(buffer, "JPEG", quality=87)
        sizes.append(Size(*target, buffer.getvalue()))
    return sizes[::-1]


def _on_white(image: Image.Image) -> Image.Image:
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
