"""The tables, declared once for SQLite and Postgres.

A job is unfinished while `ended_at` is NULL: the database checks that the state agrees, and the
partial indexes rest on it, since SQLite cannot see through a bound state.
"""

from __future__ import annotations

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Table,
    UniqueConstraint,
)

from bot.domain import CostSource, JobState
from bot.storage.columns import (
    CallKind,
    EnumText,
    LedgerKind,
    NameText,
    PendingKind,
    PendingState,
    RequestJson,
)
from bot.storage.declarations import METADATA as METADATA  # noqa: PLC0414 - it is the tables'
from bot.storage.declarations import column as _column
from bot.storage.declarations import day as _day
from bot.storage.declarations import flag as _flag
from bot.storage.declarations import integer as _integer
from bot.storage.declarations import moment as _moment
from bot.storage.declarations import number as _number
from bot.storage.declarations import outcome as _outcome
from bot.storage.declarations import partial_index as _partial
from bot.storage.declarations import words as _text

# Supergroups and channels (ids: https://core.telegram.org/api/bots/ids) number their messages each
# by itself; all other chats of the bot, whose ids are above this, share one counter. It stands in
# SQL as a literal: SQLite cannot see that a bound value fulfils a partial index's condition.
SHARED_ABOVE = "-1000000000000"
_SHARED = f"chat_id > {SHARED_ABOVE}"

# A request on its way; `parent_picture_id` has no foreign key because pictures point here.
JOBS = Table(
    "jobs",
    METADATA,
    _number(),
    _integer("account_id"),
    _integer("chat_id"),
    _integer("thread_id", null=True),
    _integer("message_id"),
    _integer("ordinal"),
    _column(RequestJson(), "request"),
    _text("locale"),
    _column(EnumText(JobState), "state"),
    _integer("claim"),
    _flag("dispatched"),
    _moment("created_at"),
    _moment("started_at", null=True),
    _moment("rendered_at", null=True),
    _moment("ended_at", null=True),
    _integer("status_message_id", null=True),
    _text("text"),
    _outcome("outcome", null=True),
    _text("detail"),
    _integer("parent_picture_id", null=True),
    _flag("private"),
    _integer("after_message_id"),
    _text("inline_message_id", null=True),
    _text("drawn_by", null=True),
    _integer("delivery_tries", default="0"),
    _integer("missing", default="0"),
    _moment("announced_until", null=True),
    UniqueConstraint("chat_id", "message_id", "ordinal"),
    CheckConstraint(
        "(ended_at IS NULL) = (state IN ('accepted', 'running', 'rendered'))", name="ended"
    ),
    _partial("ix_jobs_unfinished", "id", where="ended_at IS NULL"),
    _partial("ix_jobs_unfinished_account", "account_id", "id", where="ended_at IS NULL"),
    _partial("ix_jobs_unfinished_chat", "chat_id", where="ended_at IS NULL"),
    _partial("ix_jobs_waiting", "id", where="started_at IS NULL AND ended_at IS NULL"),
    _partial(
        "ix_jobs_status_message",
        "chat_id",
        "status_message_id",
        where="status_message_id IS NOT NULL",
    ),
    _partial("ix_jobs_shared_message", "message_id", where=_SHARED),
    _partial(
        "ix_jobs_shared_status_message",
        "status_message_id",
        where=f"{_SHARED} AND status_message_id IS NOT NULL",
    ),
    sqlite_autoincrement=True,
)

# One call of a gateway, written before it is made: for a job, or for the words of a message.
CALLS = Table(
    "calls",
    METADATA,
    _number(),
    _column(EnumText(CallKind), "kind"),
    _integer("job_id", ForeignKey("jobs.id"), null=True),
    _integer("claim", null=True),
    _integer("account_id"),
    _integer("chat_id"),
    _integer("message_id"),
    _text("model"),
    _text("host"),
    _text("route"),
    _moment("started_at"),
    _moment("ended_at", null=True),
    _outcome("outcome", null=True),
    _text("model_returned", null=True),
    _integer("http_status", null=True),
    _text("finish_reason", null=True),
    _text("native_reason", null=True),
    _text("upstream_id", null=True),
    _integer("latency_ms", null=True),
    _integer("tokens_in", null=True),
    _integer("tokens_out", null=True),
    _integer("tokens_image", null=True),
    _integer("tokens_reasoning", null=True),
    _integer("cost_micros", null=True),
    _text("currency", null=True),
    _column(EnumText(CostSource), "cost_source", null=True),
    _text("detail"),
    _partial("ix_calls_job_id", "job_id", where="job_id IS NOT NULL"),
    _partial("ix_calls_message", "chat_id", "message_id", where="job_id IS NULL"),
    _partial("ix_calls_unfinished", "id", where="ended_at IS NULL"),
)

# A finished picture: its bytes are in the media store, by sha256.
PICTURES = Table(
    "pictures",
    METADATA,
    _number(),
    _integer("job_id", ForeignKey("jobs.id")),
    _integer("position"),
    _column(String(64), "sha256", index=True),
    _text("mime"),
    _integer("width"),
    _integer("height"),
    _integer("size"),
    _integer("chat_id", null=True),
    _integer("message_id", null=True),
    _text("file_id", null=True),
    _text("original_file_id", null=True),
    _integer("account_id"),
    _flag("deleted"),
    UniqueConstraint("job_id", "position"),
    Index(None, "chat_id", "message_id"),
    _partial("ix_pictures_shared_message", "message_id", where=_SHARED),
    Index("ix_pictures_gallery", "account_id", "id"),
    Index("ix_pictures_gallery_chat", "account_id", "chat_id", "id"),
    sqlite_autoincrement=True,
)

# A message that stands for a picture: the question what to change, a gallery, its file.
MESSAGE_LINKS = Table(
    "message_links",
    METADATA,
    _integer("chat_id", key=True),
    _integer("message_id", key=True),
    _integer("picture_id", index=True),
)

# One movement of pictures of an account; only ever appended.
LEDGER = Table(
    "ledger",
    METADATA,
    _number(),
    _integer("account_id"),
    _integer("job_id", ForeignKey("jobs.id")),
    _column(EnumText(LedgerKind), "kind"),
    _integer("reserved_delta"),
    _integer("settled_delta"),
    _day("day"),
    _column(String(7), "month"),
    _moment("at"),
    UniqueConstraint("job_id", "kind"),
    Index("ix_ledger_account_job", "account_id", "job_id"),
    _partial("uq_ledger_closed", "job_id", where="kind IN ('settle', 'release')", unique=True),
)

# What an account has used in one period: `2026-11-22`, `2026-11` or `all`.
COUNTERS = Table(
    "counters",
    METADATA,
    _integer("account_id", key=True),
    _day("period", key=True),
    _integer("reserved"),
    _integer("settled"),
    _integer("tokens_in"),
    _integer("tokens_out"),
    _integer("unpriced_calls"),
    _integer("calls", default="0"),
    CheckConstraint("reserved >= 0", name="reserved"),
    CheckConstraint("settled >= 0", name="settled"),
)

# What an account's calls cost in one period and currency, in millionths.
COSTS = Table(
    "costs",
    METADATA,
    _integer("account_id", key=True),
    _day("period", key=True),
    _text("currency", key=True),
    _integer("micros"),
)

# How many pictures a member, or with the account 0 everybody, asked for in a chat in a day.
ALLOWANCES = Table(
    "allowances",
    METADATA,
    _integer("chat_id", key=True),
    _integer("account_id", key=True),
    _day("day", key=True),
    _integer("used"),
    CheckConstraint("used >= 0", name="used"),
)

# A person, as Telegram last described him.
USERS = Table(
    "users",
    METADATA,
    _integer("id", key=True),
    _column(NameText(), "name"),
    _text("username", null=True),
    _text("language", null=True),
    _moment("first_seen"),
    _moment("last_seen"),
)

# A chat; `added_by` is who added the bot, `hinted_at` when it explained what it cannot see there.
CHATS = Table(
    "chats",
    METADATA,
    _integer("id", key=True),
    _text("kind"),
    _column(NameText(), "title", null=True),
    _moment("first_seen"),
    _moment("last_seen"),
    _integer("added_by", null=True),
    _moment("hinted_at", null=True),
    _partial("ix_chats_added_by", "added_by", where="added_by IS NOT NULL"),
)

# What a user or chat has chosen, or a chat's topic (`thread_id`, else 0); NULL means what it
# inherits. `prefix` and the two allowances (pictures a day of each member, and of the whole chat;
# 0 is none) are a group's only.
PREFERENCES = Table(
    "preferences",
    METADATA,
    _integer("account_id", key=True),
    _integer("thread_id", key=True),
    _text("model", null=True),
    _text("aspect_ratio", null=True),
    _text("size", null=True),
    _integer("count", null=True),
    _text("send_as", null=True),
    _text("language", null=True),
    _text("prefix", null=True),
    _flag("ready_ping", null=True),
    _integer("member_day", null=True),
    _integer("chat_day", null=True),
    _flag("enhance", null=True),
    _text("caption", null=True),
    _text("buttons", null=True),
)

# What was done once and must not be done again: a press, a question, a ping.
IDEMPOTENCY_KEYS = Table(
    "idempotency_keys",
    METADATA,
    _text("key", key=True),
    _moment("at", index=True),
)

# A message that the bot sent and that no job or picture remembers.
SENT_MESSAGES = Table(
    "sent_messages",
    METADATA,
    _integer("chat_id", key=True),
    _integer("message_id", key=True),
    _moment("at", index=True),
    _partial("ix_sent_messages_shared_message", "message_id", where=_SHARED),
)

# A message that an erasure has to take out of the storage chat; `refused` if that failed.
PENDING_DELETIONS = Table(
    "pending_deletions",
    METADATA,
    _integer("chat_id", key=True),
    _integer("message_id", key=True),
    _integer("account_id"),
    _text("locale"),
    _moment("at"),
    _flag("refused"),
)

# An erasure under way: an account's jobs up to `up_to_job_id` are still to be erased, 0 is none.
# `stored` pictures were found in the storage chat; the message says how far it is.
ERASURES = Table(
    "erasures",
    METADATA,
    _integer("account_id", key=True),
    _integer("message_id"),
    _text("locale"),
    _moment("at"),
    _integer("up_to_job_id"),
    _integer("stored"),
)

# What Telegram was last told of the bot itself, by a digest.
PROFILE_DIGESTS = Table(
    "profile_digests",
    METADATA,
    _text("what", key=True),
    _text("digest"),
)

# A message that is not yet a job, or became one. `payload` is the message as it came; what may
# change is in columns: `words` (the prompt, what was heard, or better words), `bot_message_id` (the
# question, what was heard, or the better words, as the bot shows them), `reply_id`. A message that one
# of several processes brings on is nobody else's before `held_until`.
PENDING = Table(
    "pending",
    METADATA,
    _integer("chat_id", key=True),
    _integer("message_id", key=True),
    _column(EnumText(PendingKind), "kind", key=True),
    _integer("account_id", index=True),
    _integer("thread_id", null=True),
    _text("group_id", null=True),
    _moment("at", index=True),
    _column(EnumText(PendingState), "state"),
    _outcome("outcome", null=True),
    _integer("bot_message_id", null=True),
    _integer("reply_id", null=True),
    _text("words", null=True),
    _text("payload", null=True),
    _moment("held_until", null=True),
    _partial("ix_pending_live", "account_id", "chat_id", where="state != 'closed'"),
    _partial("ix_pending_untold", "at", where="state != 'closed' AND bot_message_id IS NULL"),
    _partial("ix_pending_album", "chat_id", "group_id", where="group_id IS NOT NULL"),
    _partial(
        "ix_pending_bot_message", "chat_id", "bot_message_id", where="bot_message_id IS NOT NULL"
    ),
)

# What was counted of a day that is over, see bot/storage/figures.py.
DAILY_FIGURES = Table(
    "daily_figures",
    METADATA,
    _day("day", key=True),
    _text("name", key=True),
    _integer("value"),
)
