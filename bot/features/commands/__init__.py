"""Commands that answer with words."""
