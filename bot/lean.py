"""Lean: structlog and httpx, loaded as if there were no terminal to draw on; before anybody else.

They import click, rich and Pygments where they find them, for tracebacks that are drawn plain here and
for a command line of httpx' own: seven megabytes, and a twentieth of a start.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import cast

_HIDDEN = frozenset({"click", "rich"}) - sys.modules.keys()

for name in _HIDDEN:
    sys.modules[name] = cast(ModuleType, None)  # as the import system takes it: not to be found
import_module("httpx")
get_logger = import_module("structlog").get_logger
for name in _HIDDEN:
    del sys.modules[name]
