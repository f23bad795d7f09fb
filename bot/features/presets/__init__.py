"""Presets: ready prompts behind buttons."""
