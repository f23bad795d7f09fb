"""The bot's settings: the one place that reads the environment and `.env`."""

from bot.settings.fields import Settings, SettingsError, load

__all__ = ["Settings", "SettingsError", "load"]
