"""An archive: pictures and one document in a zip file that has no name on the disk."""

from __future__ import annotations

import contextlib
import tempfile
import zlib
from pathlib import Path
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from bot.media.regular import is_regular

ENTRY_BYTES = 300  # what zip itself needs for one file, generously
_PIECE = 256 * 1024
_FASTEST = 1  # of zlib's levels; the document itself is packed tighter


class Archive:
    """A zip file in the making; all of it blocks, so it is for threads, one call after another.

    Its size is at most `pictures` and `words` together, both in bytes, the words packed. Nameless
    files are gone with the process, however it ends.
    """

    def __init__(self, pictures: int, words: int) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by its reader
        self._words: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `finish`
        self._zip = ZipFile(self._file, "w", ZIP_STORED)
        self._pictures_left = pictures
        self._words_left = words
        self._packing = zlib.compressobj(_FASTEST)

    def add(self, path: Path, name: str) -> bool:
        """Take a picture's file; False if it is not there or does not fit."""
        with contextlib.suppress(FileNotFoundError):
            cost = path.stat().st_size + ENTRY_BYTES
            if is_regular(path) and cost <= self._pictures_left:
                self._zip.write(path, name)
                self._pictures_left -= cost
                return True
        return False

    def write(self, text: str) -> bool:
        """Append to the document; False, and nothing is written, if it does not fit."""
        data = text.encode(errors="replace")
        packing = self._packing.copy()
        packed = len(packing.compress(data)) + len(packing.flush(zlib.Z_SYNC_FLUSH))
        if packed > self._words_left:
            return False
        self._words.write(data)
        self._packing, self._words_left = packing, self._words_left - packed
        return True

    def finish(self, name: str, end: str) -> BinaryIO:
        """Put the document, with its end, into the zip under a name; give the file to read."""
        self._words.write(end.encode())
        self._words.seek(0)
        document = ZipInfo(name)
        document.compress_type = ZIP_DEFLATED
        with self._zip.open(document, "w") as entry:
            while piece := self._words.read(_PIECE):
                entry.write(piece)
        self._words.close()
        self._zip.close()
        self._file.seek(0)
        return self._file

    def abandon(self) -> None:
        self._zip.close()
        self._words.close()
        self._file.close()
