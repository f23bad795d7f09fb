"""Names that people give themselves and their chats, which stand in lines that others read."""

from __future__ import annotations

import re

# Control characters but tabs and line feeds, and what turns the text round in which it stands:
# embeddings, overrides, isolates. Joiners stay: emoji, Persian and the scripts of India need them.
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def clean_name(name: str) -> str:
    """Make a name one line, in the order in which it is read; empty where nothing is left."""
    return " ".join(CONTROL.sub("", name).split())
