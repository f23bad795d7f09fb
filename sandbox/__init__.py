"""The sandbox: a local Telegram and a local gateway; imports nothing of the bot."""
