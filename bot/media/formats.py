"""Formats: a picture's type by its first bytes. What decodes it is loaded when it is needed."""

from __future__ import annotations

from importlib import import_module

# What may be decoded and by which of Pillow's readers; anything else never reaches one.
READERS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/gif": "GIF",
    "image/heic": "HEIF",
    "image/avif": "AVIF",
    "image/bmp": "BMP",
    "image/tiff": "TIFF",
}
_PLUGINS = {
    "image/webp": "PIL.WebPImagePlugin",
    "image/heic": "pillow_heif.HeifImagePlugin",
    "image/avif": "PIL.AvifImagePlugin",
    "image/bmp": "PIL.BmpImagePlugin",
    "image/tiff": "PIL.TiffImagePlugin",
}
UNSHOWN = frozenset({"image/bmp", "image/tiff"})  # by Telegram and browsers
HEAD_BYTES = 64
_BMP_HEADERS = tuple(bytes((length,)) for length in (12, 40, 52, 56, 64, 108, 124))
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)


def sniff(head: bytes) -> str | None:
    """Tell the type by the magic bytes at the start (64 suffice), None if it is no picture."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[4:8] == b"ftyp":
        return _sniff_brands(head)
    return _sniff_rare(head)


def _sniff_rare(head: bytes) -> str | None:
    if head.startswith((b"II*\0", b"MM\0*")):
        return "image/tiff"
    # "BM" alone begins many texts: two reserved fields are empty, then comes a header's length.
    if head.startswith(b"BM") and head[6:10] == bytes(4) and head[14:15] in _BMP_HEADERS:
        return "image/bmp"
    return None


def _sniff_brands(head: bytes) -> str | None:
    # ISO 14496-12: length, "ftyp", major brand, version, then the compatible brands.
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, end, 4))}
    # An AVIF lists "mif1" as well, so it is looked for first.
    if brands & _AVIF_BRANDS:
        return "image/avif"
    return "image/heic" if brands & _HEIC_BRANDS else None


def reader(mime: str) -> str:
    """Name Pillow's reader of a type; those that Pillow loads only to try all of them are loaded."""
    if mime in _PLUGINS:
        import_module(_PLUGINS[mime])
    return READERS[mime]
