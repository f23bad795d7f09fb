"""The table of all handlers, in the order in which they are asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from telegram.ext import (
    CallbackQueryHandler,
    ChatMemberHandler,
    ChosenInlineResultHandler,
    CommandHandler,
    InlineQueryHandler,
    MessageHandler,
    filters,
)

from bot.features import buttons
from bot.features.commands import handlers as commands_handlers
from bot.features.enhance import handlers as enhance_handlers
from bot.features.groups import handlers as groups_handlers
from bot.features.history import handlers as history_handlers
from bot.features.inline import handlers as inline_handlers
from bot.features.presets import handlers as presets_handlers
from bot.features.privacy import handlers as privacy_handlers
from bot.features.prompts import handlers as prompts_handlers
from bot.features.queue import handlers as queue_handlers
from bot.features.voices import handlers as voices_handlers
from bot.tg import commands as tg_commands

if TYPE_CHECKING:
    from typing import Any

    from telegram import Update
    from telegram.ext import BaseHandler, ContextTypes

    from bot.features.desk import Desk

# Without these, PTB's filters match edited, business and guest messages, too.
MESSAGE, POST = filters.UpdateType.MESSAGE, filters.UpdateType.CHANNEL_POST
SPOKEN = filters.VOICE | filters.AUDIO

EDITED = filters.UpdateType.EDITED

UPDATES = (
    "message",
    "channel_post",
    "edited_message",
    "edited_channel_post",
    "callback_query",
    "my_chat_member",
    "inline_query",
    "chosen_inline_result",
    "guest_message",
)


def routes(desk: Desk) -> list[BaseHandler[Any, Any, Any]]:
    """List what the bot reacts to."""
    known = {
        "start": partial(commands_handlers.on_start, desk),
        "help": partial(commands_handlers.on_help, desk),
        "privacy": partial(commands_handlers.on_privacy, desk),
        "terms": partial(privacy_handlers.on_terms, desk),
        "export": partial(privacy_handlers.on_export, desk),
        "forget": partial(privacy_handlers.on_forget, desk),
        "id": partial(commands_handlers.on_id, desk),
        "usage": partial(commands_handlers.on_usage, desk),
        "settings": partial(commands_handlers.on_settings, desk),
        "presets": partial(presets_handlers.on_presets, desk),
        "queue": partial(queue_handlers.on_queue, desk),
        "history": partial(history_handlers.on_history, desk),
        "cancel": partial(commands_handlers.on_cancel, desk),
        "enhance": partial(enhance_handlers.on_enhance, desk),
    }
    return [
        *(CommandHandler(name, take, filters=MESSAGE) for name, take in known.items()),
        *tg_commands.handlers(known, MESSAGE),
        CommandHandler("settings", known["settings"], filters=POST),
        CallbackQueryHandler(partial(buttons.on_press, desk)),
        ChatMemberHandler(partial(groups_handlers.on_change, desk)),
        InlineQueryHandler(partial(inline_handlers.on_query, desk)),
        ChosenInlineResultHandler(partial(inline_handlers.on_chosen, desk)),
        MessageHandler(inline_handlers.GuestMessages(), partial(inline_handlers.on_message, desk)),
        MessageHandler(MESSAGE & filters.StatusUpdate.MIGRATE, partial(on_migration, desk)),
        MessageHandler((MESSAGE | POST) & SPOKEN, partial(voices_handlers.on_message, desk)),
        MessageHandler(MESSAGE | POST, partial(prompts_handlers.on_message, desk)),
        MessageHandler(EDITED, partial(prompts_handlers.on_edit, desk)),
    ]


async def on_migration(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take everything of a group along when it becomes a supergroup with another id."""
    message = update.message
    if message and message.migrate_to_chat_id:
        await desk.sent.chat_moved(message.chat.id, message.migrate_to_chat_id)
        desk.preferences.forget()
