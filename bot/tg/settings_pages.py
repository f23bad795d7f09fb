"""The pages of the settings: what they say, and what stands below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import inheritance
from bot.domain import SendAs
from bot.i18n.texts import LOCALES, own_name
from bot.tg.keyboards import AUTO, Verb, columns, rows
from bot.tg.scopes import EACH_OWN, HIDDEN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.domain import Preferences
    from bot.i18n.texts import Texts
    from bot.options import Choices, Options
    from bot.tg.scopes import Scope

TOP = "top"
DAILY = frozenset({"member", "all"})
PREFIXES = ("draw", "paint", "imagine")  # other words are typed: /settings prefix WORD
ALLOWANCES = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to choose: its page, what it is called in Preferences, and its button's verb."""

    page: str
    name: str
    verb: Verb = Verb.SET


FIELDS = (
    Field("model", "model", Verb.MODEL),
    Field("ratio", "aspect_ratio", Verb.RATIO),
    Field("size", "size", Verb.SIZE),
    Field("count", "count", Verb.COUNT),
    Field("send", "send_as"),
    Field("language", "language"),
    Field("ping", "ready_ping"),
    Field("enhance", "enhance"),
    Field("prefix", "prefix"),
    Field("member", "member_day"),
    Field("all", "chat_day"),
)
PAGES = {field.page: field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class Book:
    """Makes pages of one scope: `chosen` on its levels, `above` where others beat it.

    `enhances` says that there is a model that makes prompts better.
    """

    texts: Texts
    locale: str
    choices: Choices
    scope: Scope
    chosen: Sequence[Preferences]
    above: Sequence[Preferences] = ()
    enhances: bool = False

    @property
    def drawn(self) -> Options:
        """What a prompt is drawn with as far as this level decides."""
        return self.choices.preferred(inheritance.merged(self.chosen))

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
        return "\n\n".join(words), InlineKeyboardMarkup([*self._choices(field), [back]])

    def fields(self) -> list[Field]:
        """List what this level can choose."""
        hidden = set(HIDDEN[self.scope.whose])
        hidden |= set() if self.drawn.profile.sizes else {"size"}
        hidden |= set() if self.choices.max_count > 1 else {"count"}
        hidden |= set() if self.enhances else {"enhance"}
        return [field for field in FIELDS if field.name not in hidden]

    def values(self, field: Field) -> list[str | int | bool]:
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

    def _choices(self, field: Field) -> list[list[InlineKeyboardButton]]:
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

    def _option(self, field: Field, label: str, word: str, *, chosen: bool) -> InlineKeyboardButton:
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

    def _standing(self, field: Field) -> str:
        own = getattr(self.chosen[0], field.name)
        shown = self._inherited(field, really=True) if own is None else self._shown(field, own)
        by = inheritance.source(self.above, field.name)
        if by is None:
            return shown
        value = self._value(field, getattr(self.above[by], field.name))
        topics = by == 0 and len(self.above) > 1
        key = "settings.overruled_topic" if topics else "settings.overruled"
        return self._say(key, own=shown, value=value)

    def _shown(self, field: Field, value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
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

    def _inherited(self, field: Field, *, really: bool = False) -> str:
        """Name what holds without a choice of this level; `really` says a default's value."""
        by = inheritance.source(self.chosen[1:], field.name)
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

    def _default(self, field: Field) -> str:
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

    def _value(self, field: Field, value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
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

    def _name(self, field: Field) -> str:
        return self._say(f"settings.{field.page}")

    def _say(self, key: str, **args: object) -> str:
        return self.texts(self.locale, key, **args)


def _word(value: str | int | bool) -> str:  # noqa: FBT001 - a choice's value
    return str(int(value)) if isinstance(value, bool) else str(value)


def read(book: Book, field: Field, word: str) -> str | int | bool | None:
    """Find the choice that a button's word names; raises LookupError: data can be forged."""
    if word == AUTO:
        return None
    for value in book.values(field):
        if _word(value) == word:
            return value
    raise LookupError(word)
