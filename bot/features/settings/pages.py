"""The pages of the settings: what they say, and what stands below."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.domain import Scope, SendAs
from bot.i18n.texts import LOCALES, own_name
from bot.jobs import preferences
from bot.tg.keyboards import AUTO, HERE, Verb, columns, rows, spelt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Preferences
    from bot.i18n.texts import Texts
    from bot.jobs.options import ModelOptions, Options


TOP = "top"
DAILY = frozenset({"member", "all"})
PREFIXES = ("draw", "paint", "imagine")  # other words are typed: /settings prefix WORD
ALLOWANCES = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class SettingField:
    """One thing to choose: its page, what it is called in Preferences, and its button's verb."""

    page: str
    name: str
    verb: Verb = Verb.SET


FIELDS = (
    SettingField("model", "model", Verb.MODEL),
    SettingField("ratio", "aspect_ratio", Verb.RATIO),
    SettingField("size", "size", Verb.SIZE),
    SettingField("count", "count", Verb.COUNT),
    SettingField("send", "send_as"),
    SettingField("language", "language"),
    SettingField("ping", "ready_ping"),
    SettingField("enhance", "enhance"),
    SettingField("prefix", "prefix"),
    SettingField("member", "member_day"),
    SettingField("all", "chat_day"),
)
PAGES = {field.page: field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class SettingsPages:
    """Makes pages of one scope: `chosen` on its levels, `above` where others beat it.

    `enhances` says that there is a model that makes prompts better.
    """

    texts: Texts
    locale: str
    choices: ModelOptions
    scope: SettingsScope
    chosen: Sequence[Preferences]
    above: Sequence[Preferences] = ()
    enhances: bool = False

    @property
    def drawn(self) -> Options:
        """What a prompt is drawn with as far as this level decides."""
        return self.choices.preferred(preferences.merged(self.chosen))

    def page(self, name: str) -> tuple[str, InlineKeyboardMarkup]:
        """Make a page: the first one, or that of a field of this level."""
        field = PAGES.get(name)
        if field is None or field not in self.fields():
            return self._words(), InlineKeyboardMarkup(self._top())
        about = {
            "prefix": "settings.prefix.about",
            "member": "settings.member.about",
            "all": "settings.all.about",
            "enhance": "settings.enhance.about",
        }.get(name)
        words = [self._words(), *([self._say(about)] if about else [])]
        back = self._button(self._say("settings.back"), Verb.MENU, TOP)
        return "\n\n".join(words), InlineKeyboardMarkup([*self._options(field), [back]])

    def fields(self) -> list[SettingField]:
        """List what this level can choose."""
        hidden = set(HIDDEN[self.scope.whose])
        hidden |= set() if self.drawn.profile.sizes else {"size"}
        hidden |= set() if self.choices.max_count > 1 else {"count"}
        hidden |= set() if self.enhances else {"enhance"}
        return [field for field in FIELDS if field.name not in hidden]

    def values(self, field: SettingField) -> list[str | int | bool]:
        """List what can be chosen, without what is inherited."""
        drawn, prefix = self.drawn, self.chosen[0].prefix
        typed = [prefix] if prefix and prefix not in PREFIXES else []
        listed: dict[str, list[str | int | bool]] = {
            "model": [known.id for known in self.choices.models(drawn.profile)],
            "ratio": list(drawn.profile.aspect_ratios),
            "size": list(drawn.profile.sizes),
            "count": list(range(1, self.choices.max_count + 1)),
            "send": [str(word) for word in SendAs],
            "language": list(LOCALES),
            "ping": [True, False],
            "enhance": [True, False],
            "prefix": [*PREFIXES, *typed],
        }
        return listed.get(field.page) or list(ALLOWANCES if field.page in DAILY else ())

    def _top(self) -> list[list[InlineKeyboardButton]]:
        pages = [self._button(self._name(field), Verb.MENU, field.page) for field in self.fields()]
        levels = [
            InlineKeyboardButton(
                self._say(f"settings.for.{other.whose}"),
                callback_data=other.data(Verb.MENU, TOP),
            )
            for other in self.scope.others()
        ]
        return [*rows(pages, 2), *([levels] if levels else [])]

    def _choices(self, field: SettingField) -> list[list[InlineKeyboardButton]]:
        own = getattr(self.chosen[0], field.name)
        if field.name == "model" and own is not None:
            own = self.choices.profile(self.chosen[0]).id
        values = self.values(field)
        inherit = self._option(field, self._inherited(field), AUTO, chosen=own not in values)
        buttons = [
            self._option(field, self._value(field, one), _word(one), chosen=one == own)
            for one in values
        ]
        if field.page == "model":
            return [[inherit], *columns(buttons)]
        return [[inherit], *rows(buttons, 2 if field.page == "language" else 4)]

    def _option(
        self, field: SettingField, label: str, word: str, *, chosen: bool
    ) -> InlineKeyboardButton:
        argument = f"{field.page}:{word}" if field.verb is Verb.SET else word
        return self._button(("✓ " if chosen else "") + label, field.verb, argument)

    def _button(self, label: str, verb: Verb, argument: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(label, callback_data=self.scope.data(verb, argument))

    def _words(self) -> str:
        """Say whose settings these are, and what each comes to from where."""
        lines = [
            self._say("settings.line", name=self._name(field), value=self._standing(field))
            for field in self.fields()
        ]
        return "\n".join([self._say(f"settings.of.{self.scope.whose}"), "", *lines])

    def _standing(self, field: SettingField) -> str:
        own = getattr(self.chosen[0], field.name)
        shown = self._inherited(field, really=True) if own is None else self._shown(field, own)
        by = preferences.source(self.above, field.name)
        if by is None:
            return shown
        value = self._value(field, getattr(self.above[by], field.name))
        topics = by == 0 and len(self.above) > 1
        key = "settings.overruled_topic" if topics else "settings.overruled"
        return self._say(key, own=shown, value=value)

    def _shown(self, field: SettingField, value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
        """Write a choice, as far as the model that draws can obey it."""
        drawn = self.drawn
        match field.name:
            case "model":
                return drawn.profile.label
            case "aspect_ratio" | "size":
                return getattr(drawn, field.name) or self._say("settings.auto")
            case "count":
                return str(drawn.count)
            case _:
                return self._value(field, value)

    def _inherited(self, field: SettingField, *, really: bool = False) -> str:
        """Name what holds without a choice of this level; `really` says a default's value."""
        by = preferences.source(self.chosen[1:], field.name)
        if by is not None:
            value = self._value(field, getattr(self.chosen[1:][by], field.name))
            return self._say("settings.from_group", value=value)
        match field.name:
            case "prefix":
                return self._say("settings.no_prefix")
            case "member_day" | "chat_day":
                return self._say("settings.no_limit")
        if self.scope.whose in EACH_OWN:
            return self._say("settings.each_own")
        return self._default(field) if really else self._say("settings.auto")

    def _default(self, field: SettingField) -> str:
        match field.name:
            case "model":
                return self.drawn.profile.label
            case "count":
                return "1"
            case "send_as":
                return self._value(field, SendAs.PHOTO)
            case "ready_ping" | "enhance":
                return self._value(field, value=False)
        return self._say("settings.auto")

    def _value(self, field: SettingField, value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
        match field.page:
            case "model":
                known = self.choices.catalogue.get(str(value))
                return known.label if known else str(value)
            case "send":
                return self._say(f"settings.send.{value}")
            case "language":
                return own_name(str(value))
            case "ping" | "enhance":
                return self._say("settings.on" if value else "settings.off")
            case "size" if (price := self.drawn.profile.charge(str(value))) != 1:
                return self._say("price.option", label=value, n=price)
        return str(value)

    def _name(self, field: SettingField) -> str:
        return self._say(f"settings.{field.page}")

    def _say(self, key: str, **args: object) -> str:
        return self.texts(self.locale, key, **args)


def _word(value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
    return str(int(value)) if isinstance(value, bool) else str(value)


def read(book: SettingsPages, field: SettingField, word: str) -> str | int | bool | None:
    """Find the choice that a button's word names; raises LookupError: data can be forged."""
    if word == AUTO:
        return None
    for value in book.values(field):
        if _word(value) == word:
            return value
    raise LookupError(word)


class ScopeKind(StrEnum):
    """Which level a page is about."""

    ME = "me"
    GROUP = "group"
    TOPIC = "topic"
    CHANNEL = "channel"


# What these levels cannot choose: a channel is the only one who asks in it.
HIDDEN: dict[ScopeKind, frozenset[str]] = {
    ScopeKind.ME: preferences.OF_GROUPS,
    ScopeKind.GROUP: frozenset(),
    ScopeKind.TOPIC: preferences.OF_GROUPS,
    ScopeKind.CHANNEL: preferences.OF_GROUPS - {"prefix"},
}
# Where nothing is chosen, here each person's own choice holds.
EACH_OWN = frozenset({ScopeKind.GROUP, ScopeKind.TOPIC})


@dataclass(frozen=True, slots=True)
class SettingsScope:
    """Whose choices are shown, in which chat and topic.

    A `thread_id` of 0 is none, one below zero a topic of a channel's direct messages.
    A private chat has one level only: its `chat_id` is the user's.
    """

    whose: ScopeKind
    user_id: int
    chat_id: int
    thread_id: int = 0

    @property
    def level(self) -> Scope:
        """The level that is changed here."""
        return self.levels[0]

    @property
    def levels(self) -> list[Scope]:
        """That level, and those that it inherits from."""
        match self.whose:
            case ScopeKind.ME:
                return [Scope(self.user_id)]
            case ScopeKind.GROUP | ScopeKind.CHANNEL:
                return [Scope(self.chat_id)]
            case ScopeKind.TOPIC:
                return [Scope(self.chat_id, self.thread_id), Scope(self.chat_id)]

    @property
    def above(self) -> list[Scope]:
        """The levels of this place that beat a person's own."""
        if self.whose is not ScopeKind.ME or self.chat_id > 0:
            return []
        return preferences.levels(self.chat_id, self.chat_id, self.thread_id)

    def others(self) -> list[SettingsScope]:
        """List the other levels that can be changed here."""
        if self.chat_id > 0 or self.whose is ScopeKind.CHANNEL:
            return []
        whose = [ScopeKind.TOPIC] if self.thread_id else []
        # Each topic of a channel's direct messages is somebody's own: no group talks there.
        whose += [ScopeKind.GROUP] if self.thread_id >= 0 else []
        return [
            SettingsScope(one, self.user_id, self.chat_id, self.thread_id)
            for one in (*whose, ScopeKind.ME)
            if one is not self.whose
        ]

    def data(self, verb: Verb, argument: str) -> str:
        """Write what a button of this level says."""
        match self.whose:
            case ScopeKind.ME:
                return f"{verb}:{argument}"
            case ScopeKind.GROUP | ScopeKind.CHANNEL:
                return f"{verb}@{spelt(-self.chat_id)}:{argument}"
            case ScopeKind.TOPIC:
                return f"{verb}@{HERE}:{argument}"
