"""The tables of what the processes on one database have to know of each other."""

from __future__ import annotations

from sqlalchemy import Table

from bot.storage.declarations import METADATA, flag, integer, moment, words

# Up to when somebody may not be called again: Telegram in all (`telegram`), or in one chat
# (`chat:` and its id). Written on Postgres alone.
PACES = Table("paces", METADATA, words("key", key=True), moment("taken_to"))

# Links to the dashboard, which have no `name`, and the sessions that they open; by SHA-256 of what
# the browser brings. A spent link is kept for a while, so that who is second with it does not guess.
LOGINS = Table(
    "logins",
    METADATA,
    words("hash", key=True),
    integer("user_id"),
    words("name", default="''"),
    words("browser", default="''"),
    words("locale", default="''"),
    moment("begun_at"),
    moment("seen_at"),
    flag("spent", default="false"),
)
