"""Voice messages, written down and drawn."""
