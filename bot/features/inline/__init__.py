"""Inline and guest mode: pictures in chats where the bot is not."""
