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

from bot.tg import (
    buttons,
    captioned,
    commands,
    edits,
    enhance,
    guests,
    history,
    inline,
    membership,
    own_data,
    presets,
    prompts,
    queue,
    voices,
)

if TYPE_CHECKING:
    from typing import Any

    from telegram import Update
    from telegram.ext import BaseHandler, ContextTypes

    from bot.tg.desk import Desk

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
        "start": partial(commands.on_start, desk),
        "help": partial(commands.on_help, desk),
        "privacy": partial(commands.on_privacy, desk),
        "terms": partial(own_data.on_terms, desk),
        "export": partial(own_data.on_export, desk),
        "forget": partial(own_data.on_forget, desk),
        "id": partial(commands.on_id, desk),
        "usage": partial(commands.on_usage, desk),
        "settings": partial(commands.on_settings, desk),
        "presets": partial(presets.on_presets, desk),
        "queue": partial(queue.on_queue, desk),
        "history": partial(history.on_history, desk),
        "cancel": partial(commands.on_cancel, desk),
        "enhance": partial(enhance.on_enhance, desk),
    }
    return [
        *(CommandHandler(name, take, filters=MESSAGE) for name, take in known.items()),
        *captioned.handlers(known, MESSAGE),
        CommandHandler("settings", known["settings"], filters=POST),
        CallbackQueryHandler(partial(buttons.on_press, desk)),
        ChatMemberHandler(partial(membership.on_change, desk)),
        InlineQueryHandler(partial(inline.on_query, desk)),
        ChosenInlineResultHandler(partial(inline.on_chosen, desk)),
        MessageHandler(guests.GuestMessages(), partial(guests.on_message, desk)),
        MessageHandler(MESSAGE & filters.StatusUpdate.MIGRATE, partial(on_migration, desk)),
        MessageHandler((MESSAGE | POST) & SPOKEN, partial(voices.on_message, desk)),
        MessageHandler(MESSAGE | POST, partial(prompts.on_message, desk)),
        MessageHandler(EDITED, partial(edits.on_edit, desk)),
    ]


async def on_migration(desk: Desk, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    """Take everything of a group along when it becomes a supergroup with another id."""
    message = update.message
    if message and message.migrate_to_chat_id:
        await desk.places.chat_moved(message.chat.id, message.migrate_to_chat_id)
        desk.preferences.forget()
