"""Telegram: the only place that says its name."""
