"""What the bot holds on to: every collection of its objects and modules, by name, and its tasks."""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
from collections import Counter
from collections.abc import Iterator, Sized

# Sized, but no collection.
_PLAIN = (str, bytes, bytearray, memoryview, tuple, frozenset)


def census() -> dict[str, int]:
    """Count what lies in each collection, of all objects of a class together; tasks, and objects.

    Classes and modules are the bot's; what a library holds shows in the number of objects. What is
    garbage is collected before: it is not held.
    """
    gc.collect()
    found = Counter(dict(_of_modules()))
    objects = gc.get_objects()
    for one in objects:
        kind = type(one)
        if str(kind.__module__).startswith("bot.") and not isinstance(one, type):
            found[f"instances of {_name(kind)}"] += 1
            for name, value in _attributes(one):
                if isinstance(value, Sized) and not isinstance(value, _PLAIN):
                    found[f"{_name(kind)}.{name}"] += _size(value)
    return dict(found) | {"tasks": len(asyncio.all_tasks()), "objects": len(objects)}


def _of_modules() -> Iterator[tuple[str, int]]:
    for module in [one for name, one in sys.modules.items() if name.startswith("bot.")]:
        for name, value in vars(module).items():
            if isinstance(value, functools._lru_cache_wrapper):  # noqa: SLF001 - it has no other name
                if value.__module__ == module.__name__:
                    yield f"{module.__name__}.{name}", value.cache_info().currsize
            elif isinstance(value, Sized) and not isinstance(value, _PLAIN):
                yield f"{module.__name__}.{name}", _size(value)


def _attributes(one: object) -> Iterator[tuple[str, object]]:
    yield from getattr(one, "__dict__", {}).items()
    for kind in type(one).__mro__:
        slots = getattr(kind, "__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            if name != "__weakref__" and hasattr(one, name):
                yield name, getattr(one, name)


def _size(value: Sized) -> int:
    try:
        return len(value)
    except TypeError:  # a class or a statement, which only its instances have a length of
        return 0


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
