"""Presets as buttons, by pages, and a preset's name in place of its prompt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import InlineKeyboardMarkup

from bot.tg.callbacks import Verb
from bot.tg.keyboards import FORCE_REPLY, button, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.catalogue.presets import Preset, Presets
    from bot.domain import PendingPrompt
    from bot.i18n.texts import Texts
    from bot.tg.sender import Markup

PAGE = 8  # presets in one keyboard
NO_PICTURE = 0  # in a button: no message's pictures wait


@dataclass(frozen=True, slots=True)
class PresetKeyboard:
    """Makes the buttons of presets."""

    texts: Texts
    presets: Presets

    def question(self, pending: PendingPrompt) -> tuple[str, Markup]:
        """Ask what to do with pending pictures: by buttons or in words."""
        fitting = self.presets.of_pictures
        # In a group only replies to the bot are sure to reach it.
        if fitting:
            key = "ask.presets" if pending.private else "ask.presets_group"
        else:
            key = "ask.prompt" if pending.private else "ask.prompt_group"
        text = self.texts(pending.locale, key, n=len(pending.sources))
        if fitting:
            message_id = max(pending.message_id, NO_PICTURE)
            return text, self.page(pending.locale, fitting, message_id, 0)
        return text, None if pending.private else FORCE_REPLY

    def page(
        self, locale: str, presets: Sequence[Preset], message_id: int, page: int
    ) -> InlineKeyboardMarkup:
        """Make a page of buttons for the pictures of a message; pages go round."""
        pages = range(0, len(presets), PAGE)
        start = pages[page % len(pages)] if pages else 0
        buttons = [
            button(self.label(locale, preset), Verb.PRESET, f"{message_id}:{preset.id}")
            for preset in presets[start : start + PAGE]
        ]
        more = button(self.texts(locale, "button.more"), Verb.PRESETS, f"{message_id}:{page + 1}")
        return InlineKeyboardMarkup([*rows(buttons, 2), *([[more]] if len(pages) > 1 else [])])

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
