"""The settings: one message with buttons, one level at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import Message
from telegram.constants import ChatType

from bot.domain import TryLater
from bot.features.settings.pages import (
    EACH_OWN,
    PAGES,
    TOP,
    ScopeKind,
    SettingsPages,
    SettingsScope,
    read,
)
from bot.tg import callbacks, replies
from bot.tg.keyboards import Verb
from bot.tg.parse import thread_of, usable

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup

    from bot.features.desk import Desk
    from bot.features.settings.pages import SettingField
    from bot.tg.keyboards import Press
    from bot.tg.sender import Target

MENUS = frozenset({Verb.MENU})  # each page has such a button
_FIELDS: dict[Verb, SettingField] = {
    field.verb: field for field in PAGES.values() if field.verb is not Verb.SET
}


async def top(
    desk: Desk, locale: str, account_id: int, target: Target, *, channel: bool = False
) -> tuple[str, InlineKeyboardMarkup]:
    """Make the first page: of topic, group or channel for who governs it, else of the user."""
    scope = _scope_of(account_id, target, channel=channel)
    if scope.whose in EACH_OWN and not await _opens(desk, account_id, target):
        scope = SettingsScope(ScopeKind.ME, account_id, target.chat_id, scope.thread_id)
    return (await _book(desk, locale, scope)).page(TOP)


async def choose_prefix(
    desk: Desk,
    locale: str,
    account_id: int,
    target: Target,
    words: list[str],
    *,
    channel: bool = False,
) -> tuple[str, InlineKeyboardMarkup | None]:
    """Make a typed word address the bot in a group or channel: an administrator's wish."""
    if target.chat_id > 0:
        return desk.texts(locale, "settings.prefix.in_groups"), None
    if not await _governs(desk, account_id, target.chat_id):
        return desk.texts(locale, "press.not_governing"), None
    none = " ".join(words).casefold() in _none(desk, locale)
    if not none and (len(words) != 1 or not usable(words[0])):
        return desk.texts(locale, "settings.prefix.usage"), None
    whose = ScopeKind.CHANNEL if channel else ScopeKind.GROUP
    scope = SettingsScope(whose, account_id, target.chat_id)
    await desk.preferences.choose(scope.level, "prefix", None if none else words[0].lower())
    return (await _book(desk, locale, scope)).page("prefix")


def _none(desk: Desk, locale: str) -> set[str]:
    """Name the words that take a keyword away; the menu says one of them."""
    return {"none", "off", "no", desk.texts(locale, "settings.no_prefix").casefold()}


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn a page, or keep a choice and go back to the first page.

    Without a chat in its data a button is about whoever presses it: the menu can be shared. A
    group's, a topic's and a channel's are for those who govern it, and a topic of a channel's
    direct messages is for the one who writes there, too.
    """
    scope = _scope(query, press)
    # Data can be forged: a menu's button acts on a menu, and on no other message.
    if scope is None or not callbacks.under(query, MENUS):
        callbacks.answer(desk, query, "press.stale")
        return
    if scope.whose is not ScopeKind.ME and not _is_his_topic(query, scope):
        in_channel = scope.whose is ScopeKind.CHANNEL
        denial = "settings.not_channel_admin" if in_channel else "settings.not_admin"
        if not await callbacks.may_act_for(desk, query, scope.chat_id, denial):
            return
    locale = await replies.of_press(desk, query)
    book = await _book(desk, locale, scope)
    page = await _turned(desk, book, press)
    if page is None:
        callbacks.answer(desk, query, "press.stale")
        return
    locale = await replies.of_press(desk, query)
    text, markup = (await _book(desk, locale, scope)).page(page)
    desk.background.run(_show(desk, query, text, markup), "settings")


async def _turned(desk: Desk, book: SettingsPages, press: Press) -> str | None:
    """Name the page that follows, a choice kept before; None for what cannot be: data is forged."""
    if press.verb is Verb.MENU:
        return press.argument
    field, word = _FIELDS.get(press.verb), press.argument
    if press.verb is Verb.SET:
        name, _, word = press.argument.partition(":")
        field = PAGES.get(name)
    if field is None or field not in book.fields() or (press.verb is not field.verb):
        return None
    try:
        value = read(book, field, word)
    except LookupError:
        return None
    await desk.preferences.choose(book.scope.level, field.name, value)
    return TOP


async def _book(desk: Desk, locale: str, scope: SettingsScope) -> SettingsPages:
    chosen = await desk.preferences.levels(scope.levels)
    above = await desk.preferences.levels(scope.above) if scope.above else []
    return SettingsPages(desk.texts, locale, desk.options, scope, chosen, above, desk.rewrites.on)


async def _governs(desk: Desk, account_id: int, chat_id: int) -> bool:
    """Whether somebody may change a group's settings; an anonymous administrator is the group."""
    if account_id == chat_id or account_id in desk.access.admins:
        return True
    return account_id > 0 and await desk.sender.is_admin(chat_id, account_id)


async def _opens(desk: Desk, account_id: int, target: Target) -> bool:
    """Whether to show somebody what the group has chosen: he may change it, or nobody knows."""
    if (target.thread_id or 0) < 0:  # a topic of a channel's direct messages is whose it is
        return True
    try:
        return await _governs(desk, account_id, target.chat_id)
    except TryLater:
        return True


def _is_his_topic(query: CallbackQuery, scope: SettingsScope) -> bool:
    """Whether a topic of a channel's direct messages is that of whoever pressed."""
    message = query.message
    if scope.whose is not ScopeKind.TOPIC or not isinstance(message, Message):
        return False
    topic = message.direct_messages_topic
    return topic is not None and topic.user is not None and topic.user.id == query.from_user.id


def _scope_of(account_id: int, target: Target, *, channel: bool) -> SettingsScope:
    if target.chat_id > 0:
        return SettingsScope(ScopeKind.ME, account_id, target.chat_id)
    if channel:
        return SettingsScope(ScopeKind.CHANNEL, account_id, target.chat_id)
    thread = target.thread_id or 0
    return SettingsScope(
        ScopeKind.TOPIC if thread else ScopeKind.GROUP, account_id, target.chat_id, thread
    )


def _scope(query: CallbackQuery, press: Press) -> SettingsScope | None:
    """Find out whose choices a press is about; None for another chat's, or a topic that is none."""
    if query.message is None:
        return None
    user, chat, thread = query.from_user.id, query.message.chat.id, thread_of(query.message) or 0
    if press.here:
        return SettingsScope(ScopeKind.TOPIC, user, chat, thread) if thread and chat < 0 else None
    if query.message.chat.type == ChatType.CHANNEL:  # nobody's own choices hold there
        return SettingsScope(ScopeKind.CHANNEL, user, chat) if press.account == chat else None
    if press.account is not None:
        return (
            SettingsScope(ScopeKind.GROUP, user, press.account, thread)
            if press.account == chat
            else None
        )
    return SettingsScope(ScopeKind.ME, user, chat, thread)


async def _show(desk: Desk, query: CallbackQuery, text: str, page: InlineKeyboardMarkup) -> None:
    await desk.sender.answer(query.id)
    if query.message:
        await desk.sender.edit(query.message.chat.id, query.message.message_id, text, page)
