"""What Telegram shows of the bot itself: its menus of commands and descriptions, by language."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

import structlog
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)

from bot.domain import BotError, TryLater
from bot.i18n.texts import LOCALES, Texts
from bot.jobs.messages import PublishedProfile
from bot.tg.errors import translated

log = structlog.get_logger(__name__)

# In private chats, and wherever nothing else is said.
COMMANDS = (
    "imagine",
    "presets",
    "history",
    "settings",
    "usage",
    "queue",
    "cancel",
    "help",
    "privacy",
    "export",
    "forget",
    "terms",
    "id",
)
# What only the bot's operators can do, in private.
OPERATE = (
    "admin",
    "stats",
    "jobs",
    "user",
    "ban",
    "unban",
    "allow",
    "disallow",
    "disown",
    "limit",
    "refund",
    "model",
    "maintenance",
    "broadcast",
)
GROUPS = tuple(name for name in COMMANDS if name not in {"export", "forget"})
# What means more to the administrators of a group, and in private to the bot's operators.
ADMINISTRATORS = frozenset({"settings"})
OPERATORS = frozenset({"queue"})
# Telegram knows languages by two letters, so both ways to write Chinese share one menu.
MENUS = tuple(locale for locale in LOCALES if locale != "zh_Hant")

PAUSE = 0.5  # seconds between two calls: nobody waits for them, and floods would stop prompts
TRIES = 3


@dataclass(frozen=True, slots=True)
class Commands:
    """A menu: for whom, in which language, and the names and descriptions in it; none takes it away."""

    scope: BotCommandScope
    language: str | None
    lines: tuple[tuple[str, str], ...]

    @property
    def what(self) -> str:
        chat = f" {self.scope.chat_id}" if isinstance(self.scope, BotCommandScopeChat) else ""
        return f"commands {self.scope.type}{chat} {self.language or ''}"

    async def publish(self, bot: Bot) -> None:
        commands = [BotCommand(name, text) for name, text in self.lines]
        if commands:
            await bot.set_my_commands(commands, scope=self.scope, language_code=self.language)
        else:
            await bot.delete_my_commands(scope=self.scope, language_code=self.language)


@dataclass(frozen=True, slots=True)
class Description:
    """What an empty chat says of the bot, or where it is `short` its profile and links to it."""

    short: bool
    language: str | None
    lines: tuple[str]

    @property
    def what(self) -> str:
        return f"{'short description' if self.short else 'description'} {self.language or ''}"

    async def publish(self, bot: Bot) -> None:
        if self.short:
            await bot.set_my_short_description(self.lines[0], language_code=self.language)
        else:
            await bot.set_my_description(self.lines[0], language_code=self.language)


Item = Commands | Description


async def publish(
    bot: Bot,
    texts: Texts,
    published: PublishedProfile,
    operators: Iterable[int] = (),
    *,
    more: tuple[str, ...] = (),
    pause: float = PAUSE,
) -> int:
    """Set what has changed since it was last set, one after the other; tells how much that was.

    `more` are commands that only some bots have; `pause` is in seconds. What Telegram refuses is
    logged, and tried again at the next start.
    """
    known, count = await published.of(bot.id), 0
    shown = list(items(texts, operators, more))
    for item in [*shown, *_former(known, bot.id, {one.what for one in shown})]:
        what = f"{bot.id} {item.what}"
        digest = _digest(item.lines)
        if known.get(what) == digest:
            continue
        if await _publish(bot, item):
            await published.set(what, digest)
            count += 1
        await asyncio.sleep(pause)
    return count


async def publish_or_log(
    bot: Bot,
    texts: Texts,
    published: PublishedProfile,
    operators: Iterable[int],
    more: tuple[str, ...],
) -> None:
    """Publish; a failure is logged, and the next start tries again."""
    try:
        await publish(bot, texts, published, operators, more=more)
    except Exception:  # the task's edge
        log.exception("what the bot is was not published")


async def publish_menu(
    bot: Bot,
    texts: Texts,
    published: PublishedProfile,
    operator: int,
    locale: str,
    more: tuple[str, ...],
) -> None:
    """Set a new operator's menu at once, for his language and for all that have none; `publish` does the rest."""
    menus = {menu.language: menu for menu in _menus_of(texts, operator, more)}
    for language in dict.fromkeys((None, _two_letters(locale))):
        if await _publish(bot, menu := menus[language]):
            await published.set(f"{bot.id} {menu.what}", _digest(menu.lines))


def items(
    texts: Texts, operators: Iterable[int] = (), more: tuple[str, ...] = ()
) -> Iterator[Item]:
    """List everything that Telegram shows of the bot, the most seen first."""
    groups = _keys(GROUPS + more, ADMINISTRATORS, "group")
    yield from _menus(texts, BotCommandScopeDefault(), _keys(COMMANDS + more))
    for operator in sorted(operators):
        yield from _menus_of(texts, operator, more)
    yield from _menus(texts, BotCommandScopeAllGroupChats(), _keys(GROUPS + more))
    yield from _menus(texts, BotCommandScopeAllChatAdministrators(), groups)
    for short, key in ((True, "about.short"), (False, "about.long")):
        for locale in MENUS:
            yield Description(short, _two_letters(locale), (texts(locale, key),))


def _former(known: Iterable[str], bot_id: int, shown: Collection[str]) -> Iterator[Item]:
    """List the menus of chats whose people operate the bot no longer, as empty."""
    mine = f"{bot_id} "
    for what in (name.removeprefix(mine) for name in known if name.startswith(mine)):
        if what.startswith("commands chat ") and what not in shown:
            _, _, chat_id, language = what.split(" ")
            yield Commands(BotCommandScopeChat(int(chat_id)), language or None, ())


def _menus_of(texts: Texts, operator: int, more: tuple[str, ...]) -> Iterator[Commands]:
    keys = _keys(COMMANDS + more + OPERATE, OPERATORS, "operator")
    return _menus(texts, BotCommandScopeChat(operator), keys)


def _menus(texts: Texts, scope: BotCommandScope, keys: list[str]) -> Iterator[Commands]:
    for locale in MENUS:
        lines = tuple((key.split(".")[1], texts(locale, key)) for key in keys)
        yield Commands(scope, _two_letters(locale), lines)


def _keys(
    names: tuple[str, ...], special: frozenset[str] = frozenset(), whose: str = ""
) -> list[str]:
    """Name the texts of commands: `special` ones mean something else to some people."""
    return [f"command.{name}.{whose}" if name in special else f"command.{name}" for name in names]


async def _publish(bot: Bot, item: Item) -> bool:
    for _ in range(TRIES):
        try:
            with translated():
                await item.publish(bot)
        except TryLater as later:
            await asyncio.sleep(later.seconds)
        except BotError as refused:  # an operator who never wrote to the bot has no chat with it
            log.warning("not published", what=item.what, reason=str(refused))
            return False
        else:
            return True
    return False


def _digest(lines: object) -> str:
    return hashlib.sha256(json.dumps(lines, ensure_ascii=False).encode()).hexdigest()


def _two_letters(locale: str) -> str | None:
    """Name a locale as Telegram does; None is everybody whose language has no menu."""
    return None if locale == "en" else locale.partition("_")[0]
