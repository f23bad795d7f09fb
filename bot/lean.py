"""Lean: how the bot's modules are loaded at a lower price; before anybody else.

structlog and httpx are loaded as if there were no terminal to draw on: they import click, rich and
Pygments where they find them, for tracebacks that are drawn plain here and for a command line of httpx'
own: seven megabytes, and a twentieth of a start.

Nothing of what is loaded is garbage, and to look for it again and again is an eighth of a start: the
collector is off until all of it is `loaded`.
"""

from __future__ import annotations

import gc
import sys
from importlib import import_module
from types import ModuleType
from typing import cast

gc.disable()

_HIDDEN = frozenset({"click", "rich"}) - sys.modules.keys()

for name in _HIDDEN:
    sys.modules[name] = cast(ModuleType, None)  # as the import system takes it: not to be found
import_module("httpx")
get_logger = import_module("structlog").get_logger
for name in _HIDDEN:
    del sys.modules[name]


def loaded() -> None:
    """Have the collector look for garbage again, but not among what lives for ever."""
    gc.freeze()
    gc.enable()
