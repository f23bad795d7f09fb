"""Keyboards: the buttons under jobs, questions and pictures, and those of presets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup

from bot.catalogue.presets import Preset, Presets
from bot.catalogue.profiles import Profile
from bot.domain import ChannelButtons, PendingPrompt, Picture, Request
from bot.i18n.texts import Texts
from bot.jobs.alternatives import AUTO, Alternative, AlternativeKind, Alternatives
from bot.tg.callbacks import Verb, base36
from bot.tg.sender import Markup

FORCE_REPLY = ForceReply(selective=True)  # in groups only replies reach a bot in privacy mode
ONE_COLUMN = 8  # so many models stand below each other
MAIN = "top"  # what leads back from a submenu
ALL_MODELS = "models"  # what leads on from a short list of models
PRICED = "*"  # between a size and what its button says that it counts as
KINDS = {
    Verb.SET_RATIO: AlternativeKind.RATIO,
    Verb.SET_SIZE: AlternativeKind.SIZE,
    Verb.SET_MODEL: AlternativeKind.MODEL,
}
_VERBS = {kind: verb for verb, kind in KINDS.items()}
_LABELS = {
    AlternativeKind.RATIO: "button.ratio",
    AlternativeKind.SIZE: "button.size",
    AlternativeKind.MODEL: "button.model",
}
_IN_A_ROW, _WITH_PRICES = 4, 2
PAGE = 8  # presets in one keyboard
NO_PICTURE = 0  # in a button: no message's pictures wait


def button(label: str, verb: Verb, argument: int | str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{verb}:{argument}")


def rows(
    buttons: Sequence[InlineKeyboardButton], width: int
) -> list[Sequence[InlineKeyboardButton]]:
    return [buttons[start : start + width] for start in range(0, len(buttons), width)]


def columns(buttons: Sequence[InlineKeyboardButton]) -> list[Sequence[InlineKeyboardButton]]:
    return rows(buttons, 1 if len(buttons) <= ONE_COLUMN else 2)


@dataclass(frozen=True, slots=True)
class Keyboards:
    """Makes what stands under jobs and questions, in a user's language."""

    texts: Texts

    def status(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        cancel = button(self.texts(locale, "button.cancel"), Verb.CANCEL, job_id)
        return InlineKeyboardMarkup([[cancel]])

    def retry(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        retry = button(self.texts(locale, "button.retry"), Verb.AGAIN, job_id)
        return InlineKeyboardMarkup([[retry]])

    def offer(
        self, locale: str, message_id: int, models: Sequence[Profile], *, more: bool
    ) -> InlineKeyboardMarkup:
        """Offer models for a prompt that waits; there may be `more` than these."""
        buttons = [button(known.label, Verb.USE, f"{message_id}:{known.id}") for known in models]
        on = button(self.texts(locale, "button.more"), Verb.OFFER, message_id)
        return InlineKeyboardMarkup([*columns(buttons), *([[on]] if more else [])])

    def which(self, locale: str, message_id: int, pictures: int) -> InlineKeyboardMarkup:
        """Ask whether words are about pictures that have waited for long, or for a new one."""
        these = button(self.texts(locale, "which.these", n=pictures), Verb.WITH_PHOTO, message_id)
        new = button(self.texts(locale, "which.new"), Verb.WITHOUT_PHOTO, message_id)
        return InlineKeyboardMarkup([[these], [new]])


@dataclass(frozen=True, slots=True)
class PictureKeyboard:
    """Makes the buttons of a picture: what can be done with it, or one submenu.

    `typical` says in a locale how long a model usually takes; nothing where that is not known.
    """

    texts: Texts
    alternatives: Alternatives
    typical: Callable[[str, str], str]

    def main(
        self,
        locale: str,
        picture: Picture,
        request: Request,
        buttons: ChannelButtons = ChannelButtons.ALL,
    ) -> InlineKeyboardMarkup | None:
        """Make the buttons of a picture; `buttons` says how many, for what all of a channel see."""
        number, said = base36(picture.id), partial(self.texts, locale)
        again = button(said("button.again"), Verb.AGAIN, picture.job_id)
        vary = button(said("button.variations"), Verb.VARY, picture.job_id)
        edit = button(said("button.edit"), Verb.EDIT, picture.id)
        submenus = [
            button(said(_LABELS[kind]), Verb.SUBMENU, f"{number}:{kind}")
            for kind in self.alternatives.kinds(request)
        ]
        original = button(said("button.original"), Verb.ORIGINAL, picture.id)
        delete = button(said("button.delete"), Verb.DELETE, picture.id)
        match buttons:
            case ChannelButtons.NONE:
                return None
            case ChannelButtons.ROW:
                return InlineKeyboardMarkup([[again, original, delete]])
        rows_ = [[again, vary, edit], submenus, [original, delete]]
        return InlineKeyboardMarkup([row for row in rows_ if row])

    def deletion(self, locale: str, picture: Picture) -> InlineKeyboardMarkup:
        """Make the buttons that ask whether a picture shall really go."""
        delete = button(self.texts(locale, "button.delete_now"), Verb.DELETE_NOW, picture.id)
        keep = f"{base36(picture.id)}:{MAIN}"
        return InlineKeyboardMarkup(
            [[delete, button(self.texts(locale, "button.keep"), Verb.SUBMENU, keep)]]
        )

    def submenu(
        self,
        locale: str,
        picture: Picture,
        request: Request,
        kind: AlternativeKind,
        *,
        whole: bool = False,
    ) -> InlineKeyboardMarkup | None:
        """Make the submenu in which a change is chosen; None if there is nothing to choose.

        Of many models a few are shown unless it is to be `whole`.
        """
        alternatives = self.alternatives.alternatives(request, kind)
        if not alternatives:
            return None
        number, models = base36(picture.id), kind is AlternativeKind.MODEL
        shown = list(alternatives)
        if models and not whole:
            known = {one.word: one for one in alternatives}
            shown = [known[word] for word in self.alternatives.short(request)]
        buttons = [self._button(locale, number, _VERBS[kind], one) for one in shown]
        width = _WITH_PRICES if any(one.credits for one in shown) else _IN_A_ROW
        last = [button(self.texts(locale, "settings.back"), Verb.SUBMENU, f"{number}:{MAIN}")]
        if len(shown) < len(alternatives):
            more = self.texts(locale, "button.more")
            last.append(button(more, Verb.SUBMENU, f"{number}:{ALL_MODELS}"))
        return InlineKeyboardMarkup([*rows(buttons, 1 if models else width), last])

    def _button(
        self, locale: str, number: str, verb: Verb, alternative: Alternative
    ) -> InlineKeyboardButton:
        word, label = alternative.word, alternative.label
        if word == AUTO:
            label = self.texts(locale, "settings.auto")
        if verb is Verb.SET_MODEL and (time := self.typical(locale, word)):
            label = f"{label} · {time}"
        if alternative.gone:
            label = self.texts(locale, "model.gone", label=label)
        if alternative.credits is not None:
            label = self.texts(locale, "price.option", label=label, n=alternative.credits)
            word += f"{PRICED}{alternative.credits}" if verb is Verb.SET_SIZE else ""
        mark = "✓ " if alternative.current else ""
        return button(mark + label, verb, f"{number}:{word}")


@dataclass(frozen=True, slots=True)
class PresetKeyboard:
    """Makes the buttons of presets, by pages, and says a preset's name in place of its prompt."""

    texts: Texts
    presets: Presets

    def question(self, pending: PendingPrompt) -> tuple[str, Markup]:
        fitting = self.presets.of_pictures
        # In a group only replies to the bot are sure to reach it.
        if fitting:
            key = "ask.presets" if pending.private else "ask.presets_group"
        else:
            key = "ask.prompt" if pending.private else "ask.prompt_group"
        text = self.texts(pending.locale, key, n=len(pending.sources))
        waits = "ask.waits" if pending.private else "ask.waits_group"
        text = f"{text}\n\n{self.texts(pending.locale, waits)}"
        if pending.instead:
            text = f"{text}\n{self.texts(pending.locale, 'ask.instead')}"
        if not fitting and not pending.private:
            return text, FORCE_REPLY
        return text, self.page(pending.locale, fitting, max(pending.message_id, NO_PICTURE), 0)

    def page(
        self, locale: str, presets: Sequence[Preset], message_id: int, page: int
    ) -> InlineKeyboardMarkup:
        """Make a page of buttons for the pictures of a message; behind the last one is the first."""
        pages = range(0, len(presets), PAGE)
        page = page % len(pages) if pages else 0
        start = pages[page] if pages else 0
        buttons = [
            button(self.label(locale, preset), Verb.PRESET, f"{message_id}:{preset.id}")
            for preset in presets[start : start + PAGE]
        ]
        turns = {"settings.back": page - 1, "button.more": page + 1}
        last = [
            button(self.texts(locale, key), Verb.PRESETS, f"{message_id}:{number}")
            for key, number in turns.items()
            if 0 <= number < len(pages)
        ]
        if message_id:
            label = self.texts(locale, "button.cancel")
            last.append(button(label, Verb.FORGET_PHOTO, message_id))
        return InlineKeyboardMarkup([*rows(buttons, 2), *([last] if last else [])])

    def label(self, locale: str, preset: Preset) -> str:
        name = preset.name(locale) or self.texts(locale, f"preset.{preset.id}")
        return f"{preset.emoji} {name}" if preset.emoji else name

    def shortened(self, locale: str, prompt: str) -> str:
        """Say a prompt as its person knows it: a preset by its name, with the words that go with it."""
        found = self.presets.wording(prompt)
        if found is None:
            return prompt
        preset, words = found
        label = self.label(locale, preset)
        return f"{label}: {words}" if words else label
