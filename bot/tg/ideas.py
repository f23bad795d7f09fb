"""Ideas: the presets as buttons, by pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.tg.keyboards import FORCE_REPLY, Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telegram import ForceReply

    from bot.catalogue.presets import Preset
    from bot.domain import Ask
    from bot.tg.desk import Desk

    Markup = InlineKeyboardMarkup | ForceReply | None

PAGE = 8  # presets in one keyboard
NO_PICTURE = 0  # in a button: no message's pictures wait


def question(desk: Desk, ask: Ask) -> tuple[str, Markup]:
    """Ask what to do with pictures that wait: by buttons or in words."""
    fitting = desk.presets.of_pictures
    # In a group only replies to the bot are sure to reach it.
    if not fitting:
        key = "ask.prompt" if ask.private else "ask.prompt_group"
        text = desk.texts(ask.locale, key, n=len(ask.sources))
        return text, None if ask.private else FORCE_REPLY
    key = "ask.presets" if ask.private else "ask.presets_group"
    text = desk.texts(ask.locale, key, n=len(ask.sources))
    return text, keyboard(desk, ask.locale, fitting, max(ask.message_id, NO_PICTURE), 0)


def keyboard(
    desk: Desk, locale: str, presets: Sequence[Preset], message_id: int, page: int
) -> InlineKeyboardMarkup:
    """Make a page of buttons for the pictures of a message."""
    pages = range(0, len(presets), PAGE)
    start = pages[page % len(pages)] if pages else 0
    keys = [
        _key(label(desk, locale, preset), Verb.PRESET, message_id, preset.id)
        for preset in presets[start : start + PAGE]
    ]
    more = _key(desk.texts(locale, "button.more"), Verb.PRESETS, message_id, str(page + 1))
    rows = [keys[at : at + 2] for at in range(0, len(keys), 2)]
    return InlineKeyboardMarkup([*rows, [more]] if len(pages) > 1 else rows)


def label(desk: Desk, locale: str, preset: Preset) -> str:
    """Name a preset in a language."""
    name = preset.name(locale) or desk.texts(locale, f"preset.{preset.id}")
    return f"{preset.emoji} {name}" if preset.emoji else name


def short(desk: Desk, locale: str, prompt: str) -> str:
    """Say a prompt as its person knows it: a preset by its name, with the words that go with it."""
    found = desk.presets.wording(prompt)
    if found is None:
        return prompt
    preset, words = found
    name = label(desk, locale, preset)
    return f"{name}: {words}" if words else name


def _key(label: str, verb: Verb, message_id: int, word: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{verb}:{message_id}:{word}")
