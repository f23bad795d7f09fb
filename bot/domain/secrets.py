"""Secrets, blanked out where they may have slipped in."""

from __future__ import annotations

import re

_SECRETS = re.compile(r"\b\d{6,}:[A-Za-z0-9_-]{30,}|\b(?:sk|key|Bearer)[-_ ][A-Za-z0-9_\-.]{12,}")


def redacted(text: str) -> str:
    """Blank out what looks like a bot token or an API key; a last guard, not the first."""
    return _SECRETS.sub("<secret>", text)
