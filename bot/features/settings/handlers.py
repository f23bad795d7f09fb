"""/settings: one message with buttons, one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from telegram import CallbackQuery, InlineKeyboardMarkup, Message, Update
from telegram.constants import ChatType
from telegram.ext import CommandHandler, ContextTypes, filters

from bot.domain import Prompt, TryLater, account_of_admins
from bot.features.settings.pages import FIELDS, PAGES, TOP, Field, SettingsPages
from bot.features.settings.scopes import EACH_OWN, ScopeKind, SettingsScope
from bot.jobs.alternatives import AUTO
from bot.jobs.options import ModelOptions
from bot.tg.callbacks import Press, Verb, is_under
from bot.tg.feature import POST, Feature, Handler, OnPress, OnUpdate
from bot.tg.parse import thread_of, usable_prefix
from bot.tg.presses import Presses
from bot.tg.replies import Replies

_NONE = frozenset({"none", "off", "no", "0"})
_FIELDS: dict[Verb, Field] = {field.verb: field for field in FIELDS if field.verb is not Verb.SET}


@dataclass(frozen=True, slots=True)
class SettingsFeature(Feature):
    """Shows and keeps choices of a user, group, topic or channel.

    Without a chat in its data a button is about whoever presses it: the menu can be shared. A
    group's, a topic's and a channel's are for their administrators, and a topic of a channel's
    direct messages is for the one who writes there, too.
    """

    replies: Replies
    presses: Presses
    options: ModelOptions
    typical: Callable[[str, str], str]
    enhances: bool

    def commands(self) -> Mapping[str, OnUpdate]:
        return {"settings": self.on_settings}

    def handlers(self) -> Sequence[Handler]:
        return (CommandHandler("settings", self.on_settings, filters=POST & ~filters.FORWARDED),)

    def callbacks(self) -> Mapping[Verb, OnPress]:
        return dict.fromkeys((Verb.MENU, Verb.SET, *_FIELDS), self.on_press)

    async def on_settings(self, update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        """Show the settings; a page's name and a word choose (`/settings prefix draw`).

        A post in a channel is about the channel: only its administrators can post.
        """
        message = update.message or update.channel_post
        command = await self.replies.command(message)
        if message is None or command is None:
            return
        scope = _scope_of(command, channel=update.channel_post is not None)
        words = (message.text or "").split()[1:]
        field = PAGES.get(words[0].lower()) if words else None
        if field and field.page == "prefix":
            answer = await self._choose_prefix(command, scope, words[1:])
        elif field and len(words) > 1:
            answer = await self._choose_typed(command, scope, field, words[1])
        else:
            # A group's, topic's or channel's for who may change it, else one's own.
            if scope.kind in EACH_OWN and not await self._is_shown(command):
                scope = replace(scope, kind=ScopeKind.ME)
            answer = (await self._pages(command.locale, scope)).page(TOP)
        self.replies.reply(command, *answer)

    async def on_press(self, query: CallbackQuery, press: Press) -> None:
        scope = _scope_of_press(query, press)
        # Data can be forged: a menu's button acts on a menu, and on no other message.
        if scope is None or not is_under(query, {Verb.MENU}):  # each page has such a button
            self.presses.answer(query, "press.stale")
            return
        if not await self._may_change(query, scope):
            return
        pages = await self._pages(await self.replies.locale_of_press(query), scope)
        name = await self._turn(pages, press)
        if name is None:
            self.presses.answer(query, "press.stale")
            return
        # The language may have been chosen just now.
        pages = await self._pages(await self.replies.locale_of_press(query), scope)
        self.replies.background.run(self.presses.replace(query, *pages.page(name)), "settings")

    async def _choose_prefix(
        self, command: Prompt, scope: SettingsScope, words: list[str]
    ) -> tuple[str, InlineKeyboardMarkup | None]:
        """Have a typed word address the bot in a group or channel, if an administrator says so."""
        texts, locale = self.replies.texts, command.locale
        if scope.chat_id > 0:
            return texts(locale, "settings.prefix.in_groups"), None
        if not await self._is_admin(command):
            return texts(locale, "press.not_governing"), None
        # The menu says the last of them.
        none = {*_NONE, texts(locale, "settings.no_prefix").casefold()}
        clears = " ".join(words).casefold() in none
        if not clears and (len(words) != 1 or not usable_prefix(words[0])):
            return texts(locale, "settings.prefix.usage"), None
        if scope.kind is ScopeKind.TOPIC:
            scope = SettingsScope(ScopeKind.GROUP, scope.user_id, scope.chat_id)
        word = None if clears else words[0].lower()
        await self.replies.preferences.choose(scope.inherited[0], "prefix", word)
        return (await self._pages(locale, scope)).page("prefix")

    async def _choose_typed(
        self, command: Prompt, scope: SettingsScope, field: Field, word: str
    ) -> tuple[str, InlineKeyboardMarkup | None]:
        """Keep a choice that is typed (`/settings member 3`); show its page where there is none such."""
        if scope.kind in EACH_OWN and not await self._is_admin(command):
            return self.replies.texts(command.locale, "press.not_governing"), None
        pages = await self._pages(command.locale, scope)
        if field in pages.fields():
            with suppress(LookupError):
                value = pages.read(field, AUTO if word.casefold() in _NONE else word)
                await self.replies.preferences.choose(scope.inherited[0], field.name, value)
                pages = await self._pages(command.locale, scope)
        return pages.page(field.page)

    async def _turn(self, pages: SettingsPages, press: Press) -> str | None:
        """Name the page that follows, a choice kept before; None for what cannot be: data is forged."""
        if press.verb is Verb.MENU:
            return press.argument
        field, word = _FIELDS.get(press.verb), press.argument
        if press.verb is Verb.SET:
            name, _, word = press.argument.partition(":")
            field = PAGES.get(name)
        if field is None or field.verb is not press.verb or field not in pages.fields():
            return None
        try:
            value = pages.read(field, word)
        except LookupError:
            return None
        await self.replies.preferences.choose(pages.scope.inherited[0], field.name, value)
        return TOP

    async def _pages(self, locale: str, scope: SettingsScope) -> SettingsPages:
        preferences, overruling = self.replies.preferences, scope.overruling
        return SettingsPages(
            self.replies.texts,
            locale,
            self.options,
            self.typical,
            scope,
            await preferences.scopes(scope.inherited),
            await preferences.scopes(overruling) if overruling else (),
            self.enhances,
        )

    async def _may_change(self, query: CallbackQuery, scope: SettingsScope) -> bool:
        if scope.kind is ScopeKind.ME or _is_own_topic(query, scope):
            return True
        in_channel = scope.kind is ScopeKind.CHANNEL
        denial = "settings.not_channel_admin" if in_channel else "settings.not_admin"
        return await self.presses.may_act_for(query, scope.chat_id, denial)

    async def _is_admin(self, command: Prompt) -> bool:
        """Whether somebody may change a group's settings; an anonymous administrator is the group."""
        account_id, chat_id = command.account_id, command.chat_id
        if account_id in (chat_id, account_of_admins(chat_id)) or self.replies.access.is_admin(
            account_id
        ):
            return True
        return account_id > 0 and await self.replies.sender.is_admin(chat_id, account_id)

    async def _is_shown(self, command: Prompt) -> bool:
        """Whether to show somebody what the group has chosen: he may change it, or nobody knows."""
        # A topic of a channel's direct messages is whose it is.
        if (command.thread_id or 0) < 0:
            return True
        try:
            return await self._is_admin(command)
        except TryLater:
            return True


def _is_own_topic(query: CallbackQuery, scope: SettingsScope) -> bool:
    """Whether a topic of a channel's direct messages is that of whoever pressed."""
    message = query.message
    if scope.kind is not ScopeKind.TOPIC or not isinstance(message, Message):
        return False
    topic = message.direct_messages_topic
    return topic is not None and topic.user is not None and topic.user.id == query.from_user.id


def _scope_of(command: Prompt, *, channel: bool) -> SettingsScope:
    if command.chat_id > 0:
        return SettingsScope(ScopeKind.ME, command.account_id, command.chat_id)
    if channel:
        return SettingsScope(ScopeKind.CHANNEL, command.account_id, command.chat_id)
    thread = command.thread_id or 0
    kind = ScopeKind.TOPIC if thread else ScopeKind.GROUP
    return SettingsScope(kind, command.account_id, command.chat_id, thread)


def _scope_of_press(query: CallbackQuery, press: Press) -> SettingsScope | None:
    """Find out whose choices a press is about; None for another chat's, or a topic that is none."""
    if query.message is None:
        return None
    user, chat, thread = query.from_user.id, query.message.chat.id, thread_of(query.message) or 0
    if press.here:
        return SettingsScope(ScopeKind.TOPIC, user, chat, thread) if thread and chat < 0 else None
    if query.message.chat.type == ChatType.CHANNEL:  # nobody's own choices hold there
        return SettingsScope(ScopeKind.CHANNEL, user, chat) if press.account == chat else None
    if press.account is None:
        return SettingsScope(ScopeKind.ME, user, chat, thread)
    return SettingsScope(ScopeKind.GROUP, user, chat, thread) if press.account == chat else None
