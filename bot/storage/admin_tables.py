"""The tables of what operators decide and do."""

from __future__ import annotations

from sqlalchemy import Index, Table

from bot.domain.administration import AdminVerb, BroadcastState
from bot.storage.columns import EnumText, FactsJson
from bot.storage.declarations import METADATA, column, flag, integer, moment, number, words

# What operators have decided about a user or chat; NULL is what holds for all.
ACCOUNT_RULES = Table(
    "account_rules",
    METADATA,
    integer("account_id", key=True),
    moment("banned_at", null=True),
    words("ban_reason", default="''"),
    flag("allowed", null=True),
    flag("owner", default="false"),
    integer("day", null=True),
    integer("month", null=True),
    integer("calls", null=True),
    integer("concurrency", null=True),
    integer("queue", null=True),
)

# What operators have switched while the bot runs: `maintenance`, or `model:` and an id; `place` is
# where menus show a model, NULL where nobody has said so.
SWITCHES = Table(
    "switches",
    METADATA,
    words("name", key=True),
    flag("active"),
    integer("place", null=True),
)

# What somebody did to the bot, its users and their jobs; only ever appended.
ACTIONS = Table(
    "actions",
    METADATA,
    number(),
    moment("at"),
    words("actor"),
    column(EnumText(AdminVerb), "verb"),
    words("target"),
    column(FactsJson(), "before"),
    column(FactsJson(), "after"),
    Index("ix_actions_target", "target", "id"),
    Index("ix_actions_verb", "verb", "id"),
    sqlite_autoincrement=True,
)

# A message of an operator's to many private chats. `chat_id` and `message_id` say where he sees how
# it goes, `last_chat_id` how far it is: chats are written to in the order of their numbers.
BROADCASTS = Table(
    "broadcasts",
    METADATA,
    number(),
    integer("chat_id"),
    integer("message_id", null=True),
    words("text"),
    words("entities"),
    words("photo", null=True),
    moment("seen_since"),
    words("language"),
    column(EnumText(BroadcastState), "state"),
    moment("at"),
    integer("last_chat_id"),
    integer("total"),
    integer("tried"),
    integer("sent"),
    integer("failed"),
    flag("told"),
    sqlite_autoincrement=True,
)
