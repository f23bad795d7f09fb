"""Jobs: from a prompt to a delivered picture; no Telegram, no SQL."""
