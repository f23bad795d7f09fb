"""The bench: the bot against the smallest relay that does the same, in one run."""
