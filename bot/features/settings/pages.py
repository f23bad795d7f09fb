"""The pages of the settings: what they say, and what stands below."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.catalogue.profiles import Profile
from bot.domain import CaptionLine, ChannelButtons, Preferences, SendAs
from bot.features.settings.scopes import EACH_OWN, HIDDEN, SettingsScope
from bot.i18n.texts import LOCALES, Texts, own_name
from bot.jobs.alternatives import AUTO
from bot.jobs.options import ModelOptions, Options
from bot.jobs.preferences import deciding_scope, merged
from bot.tg.callbacks import Verb
from bot.tg.keyboards import ALL_MODELS, columns, rows

Value = str | int | bool

TOP = "top"
PREFIXES = ("draw", "paint", "imagine")  # other words are typed: /settings prefix WORD
_NUMBER = re.compile("[1-9][0-9]{0,5}")
ALLOWANCES = (1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to choose: `page` in buttons and texts, `name` in Preferences.

    Without `values` there is to choose what the model knows, or its group. Where nobody has chosen,
    `default` holds, or what the text `none` says. So many choices stand in a row; a page with
    `about` explains itself.
    """

    page: str
    name: str
    verb: Verb = Verb.SET
    values: tuple[Value, ...] = ()
    default: Value | None = None
    none: str = ""
    in_a_row: int = 4
    about: bool = False


def _words(kind: type[StrEnum]) -> tuple[str, ...]:
    return tuple(map(str, kind))


FIELDS = (
    Field("model", "model", Verb.MODEL),
    Field("ratio", "aspect_ratio", Verb.RATIO),
    Field("size", "size", Verb.SIZE),
    Field("count", "count", Verb.COUNT, default=1),
    Field("send", "send_as", values=_words(SendAs), default=SendAs.PHOTO),
    Field(
        "caption", "caption", values=_words(CaptionLine), default=CaptionLine.CHANGES, about=True
    ),
    Field(
        "buttons", "buttons", values=_words(ChannelButtons), default=ChannelButtons.ROW, about=True
    ),
    Field("language", "language", values=LOCALES, in_a_row=2),
    Field("ping", "ready_ping", values=(True, False), default=False, about=True),
    Field("enhance", "enhance", values=(True, False), default=False, about=True),
    Field("prefix", "prefix", none="settings.no_prefix", about=True),
    Field("member", "member_day", values=ALLOWANCES, none="settings.no_limit", about=True),
    Field("all", "chat_day", values=ALLOWANCES, none="settings.no_limit", about=True),
)
PAGES = {field.page: field for field in FIELDS}


@dataclass(frozen=True, slots=True)
class SettingsPages:
    """The pages of one scope.

    `chosen` is what was chosen in it, and in those that it inherits from; `overruling` beats it.
    `typical` says how long a model usually takes, `enhances` that there is one that makes prompts
    better.
    """

    texts: Texts
    locale: str
    options: ModelOptions
    typical: Callable[[str, str], str]
    scope: SettingsScope
    chosen: Sequence[Preferences]
    overruling: Sequence[Preferences] = ()
    enhances: bool = False

    @property
    def drawn(self) -> Options:
        """What a prompt is drawn with as far as this scope decides."""
        return self.options.preferred(merged(self.chosen))

    def page(self, name: str) -> tuple[str, InlineKeyboardMarkup]:
        whole = name == ALL_MODELS
        field, text = PAGES.get("model" if whole else name), self._overview()
        if field is None or field not in self.fields():
            return text, InlineKeyboardMarkup(self._links())
        if field.about:
            text += "\n\n" + self._say(f"settings.{name}.about")
        last = [self._button(self._say("settings.back"), Verb.MENU, TOP)]
        shown, values = self.values(field), self.values(field)
        if field.name == "model":
            models = self.options.models(self.drawn.profile)
            short = models if whole else self.options.short(models, self.drawn.profile)
            shown = [one.id for one in short]
            text += "\n\n" + "\n".join(map(self._about_model, short))
        if len(shown) < len(values):
            last.append(self._button(self._say("button.more"), Verb.MENU, ALL_MODELS))
        return text, InlineKeyboardMarkup([*self._choices(field, shown), last])

    def fields(self) -> list[Field]:
        offered = {
            "size": bool(self.drawn.profile.sizes),
            "count": self.options.max_count > 1,
            "enhance": self.enhances,
        }
        hidden = HIDDEN[self.scope.kind] | {name for name, is_ in offered.items() if not is_}
        return [field for field in FIELDS if field.name not in hidden]

    def values(self, field: Field) -> Sequence[Value]:
        profile, own = self.drawn.profile, getattr(self.chosen[0], field.name)
        match field.page:
            case "model":
                return [known.id for known in self.options.models(profile)]
            case "ratio":
                return profile.aspect_ratios
            case "size":
                return profile.sizes
            case "count":
                return range(1, self.options.max_count + 1)
            case "prefix" | "member" | "all":
                offered = field.values or PREFIXES
                return [*offered, *([own] if own and own not in offered else [])]
            case _:
                return field.values

    def read(self, field: Field, word: str) -> Value | None:
        """Find the choice that a button's word names; raises LookupError: data can be forged."""
        if word == AUTO:
            return None
        for value in self.values(field):
            if _word(value).casefold() == word.casefold():
                return value
        if field.values is ALLOWANCES and _NUMBER.fullmatch(word):  # typed, others are on buttons
            return int(word)
        raise LookupError(word)

    def _overview(self) -> str:
        lines = [
            self._say("settings.line", name=self._name(field), value=self._in_force(field))
            for field in self.fields()
        ]
        return "\n".join([self._say(f"settings.of.{self.scope.kind}"), "", *lines])

    def _links(self) -> list[Sequence[InlineKeyboardButton]]:
        pages = [self._button(self._name(field), Verb.MENU, field.page) for field in self.fields()]
        others = [
            InlineKeyboardButton(
                self._say(f"settings.for.{other.kind}"), callback_data=other.data(Verb.MENU, TOP)
            )
            for other in self.scope.others()
        ]
        return [*rows(pages, 2), others] if others else rows(pages, 2)

    def _about_model(self, profile: Profile) -> str:
        """Tell what a picture of a model counts as, how long it usually takes, and if it edits."""
        size = merged(self.chosen).size
        price = profile.charge(size if size in profile.sizes else None)
        facts = [self._say("model.price", n=price)]
        if time := self.typical(self.locale, profile.id):
            facts.append(self._say("model.time", time=time))
        if profile.edits:
            facts.append(self._say("model.edits"))
        return self._say("settings.line", name=profile.label, value=" · ".join(facts))

    def _choices(
        self, field: Field, values: Sequence[Value]
    ) -> list[Sequence[InlineKeyboardButton]]:
        own = getattr(self.chosen[0], field.name)
        if field.name == "model" and own is not None:
            own = self.options.profile(self.chosen[0]).id
        inherit = self._choice(field, self._inherited(field), AUTO, current=own not in values)
        buttons = [
            self._choice(field, self._marked(field, value), _word(value), current=value == own)
            for value in values
        ]
        choices = columns(buttons) if field.name == "model" else rows(buttons, field.in_a_row)
        return [[inherit], *choices]

    def _choice(
        self, field: Field, label: str, word: str, *, current: bool
    ) -> InlineKeyboardButton:
        argument = f"{field.page}:{word}" if field.verb is Verb.SET else word
        return self._button(("✓ " if current else "") + label, field.verb, argument)

    def _button(self, label: str, verb: Verb, argument: str) -> InlineKeyboardButton:
        return InlineKeyboardButton(label, callback_data=self.scope.data(verb, argument))

    def _in_force(self, field: Field) -> str:
        own = getattr(self.chosen[0], field.name)
        shown = self._inherited(field, default=True) if own is None else self._shown(field, own)
        by = deciding_scope(self.overruling, field.name)
        if by is None:
            return shown
        value = self._label(field, getattr(self.overruling[by], field.name))
        topic = by == 0 and len(self.overruling) > 1
        key = "settings.overruled_topic" if topic else "settings.overruled"
        return self._say(key, own=shown, value=value)

    def _shown(self, field: Field, value: Value) -> str:
        """Write a choice, as far as the model that draws can obey it."""
        match field.name:
            case "model":
                return self.drawn.profile.label
            case "aspect_ratio" | "size" | "count":
                return str(getattr(self.drawn, field.name) or self._say("settings.auto"))
            case _:
                return self._label(field, value)

    def _inherited(self, field: Field, *, default: bool = False) -> str:
        """Name what holds without a choice of this scope; `default` names a default's value."""
        by = deciding_scope(self.chosen[1:], field.name)
        if by is not None:
            value = self._label(field, getattr(self.chosen[1:][by], field.name))
            return self._say("settings.from_group", value=value)
        if field.none:
            return self._say(field.none)
        if self.scope.kind in EACH_OWN:
            return self._say("settings.each_own")
        holds = self.options.default.id if field.name == "model" else field.default
        if holds is None:
            chosen_by = (
                "settings.auto.telegram" if field.page == "language" else "settings.auto.model"
            )
            meaning = self._say(chosen_by)
            return self._say("settings.auto" if default else "settings.auto_is", value=meaning)
        value = self._label(field, holds)
        return value if default else self._say("settings.auto_is", value=value)

    def _label(self, field: Field, value: Value) -> str:
        match field.page:
            case "model":
                return self.options.catalogue.label(str(value))
            case "send" | "caption" | "buttons":
                return self._say(f"settings.{field.page}.{value}")
            case "language":
                return own_name(str(value))
            case "ping" | "enhance":
                return self._say("settings.on" if value else "settings.off")
            case "size" if (price := self.drawn.profile.charge(str(value))) != 1:
                return self._say("price.option", label=value, n=price)
        return str(value)

    def _marked(self, field: Field, value: Value) -> str:
        """Label a choice, and say of a model if its gateway does not have it."""
        label = self._label(field, value)
        gone = field.page == "model" and value in self.options.gone
        return self._say("model.gone", label=label) if gone else label

    def _name(self, field: Field) -> str:
        return self._say(f"settings.{field.page}")

    def _say(self, key: str, **args: object) -> str:
        return self.texts(self.locale, key, **args)


def _word(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
