"""Telegram: the only place that says its name."""

import os

# PTB's way to choose durations as timedelta, which it will have in future versions, and to be
# spared its warnings about the present ones.
os.environ.setdefault("PTB_TIMEDELTA", "true")
