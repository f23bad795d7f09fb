"""The bot's own membership in groups and channels."""
