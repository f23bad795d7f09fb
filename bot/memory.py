"""Memory: what Python's collector looks at, and what the C library keeps of what was freed."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

# Of glibc's mallopt: https://man7.org/linux/man-pages/man3/mallopt.3.html
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
# One heap for all threads, which the GIL lets take turns anyway: in one for each of them stayed what
# a wave of pictures had needed there. Blocks of a picture's size come from it, and up to 32 MB stay.
_HEAP = ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, 16 << 20), (_TRIM_THRESHOLD, 32 << 20))


def economize() -> None:
    """Spare CPU and memory from here on (docs/decisions/0010); before any thread is started."""
    # The collector is kept off what lives for ever, and from looking at each few hundred objects.
    gc.freeze()
    gc.set_threshold(10_000, 20, 50)
    with suppress(AttributeError):  # another C library has other heaps
        mallopt = ctypes.CDLL(None).mallopt
        for option, value in _HEAP:
            mallopt(option, value)
