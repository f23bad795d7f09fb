"""What is wrong with a catalogue."""

from __future__ import annotations

from bot.domain import BotError


class CatalogueError(BotError):
    """The catalogue is wrong: its text names file, model and field in one line."""
