"""Multipart bodies that whoever reads them has bounded: no detour through the disk."""

from __future__ import annotations

from starlette.formparsers import MultiPartParser


class MemoryParser(MultiPartParser):
    """Starlette's parser, its files kept in memory."""

    spool_max_size = 256 * 1024 * 1024
