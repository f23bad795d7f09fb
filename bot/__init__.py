"""A Telegram bot that makes and edits pictures."""
