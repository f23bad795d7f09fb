"""Prompts made better by a text model before they are drawn."""
