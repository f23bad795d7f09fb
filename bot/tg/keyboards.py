"""Buttons and keyboards that several parts need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telegram import ForceReply, InlineKeyboardButton, InlineKeyboardMarkup

from bot.tg.callbacks import Verb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.catalogue.profiles import Profile
    from bot.i18n.texts import Texts

FORCE_REPLY = ForceReply(selective=True)  # in groups only replies reach a bot in privacy mode
ONE_COLUMN = 8  # so many models stand below each other


def button(label: str, verb: Verb, argument: int | str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=f"{verb}:{argument}")


def rows(
    buttons: Sequence[InlineKeyboardButton], width: int
) -> list[Sequence[InlineKeyboardButton]]:
    """Put so many buttons beside each other."""
    return [buttons[start : start + width] for start in range(0, len(buttons), width)]


def columns(buttons: Sequence[InlineKeyboardButton]) -> list[Sequence[InlineKeyboardButton]]:
    """Put buttons below each other, many of them in two columns."""
    return rows(buttons, 1 if len(buttons) <= ONE_COLUMN else 2)


@dataclass(frozen=True, slots=True)
class Keyboards:
    """Makes what stands under jobs and questions, in a user's language."""

    texts: Texts

    def status(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        """Make what stands under a job that is not drawn yet."""
        cancel = button(self.texts(locale, "button.cancel"), Verb.CANCEL, job_id)
        return InlineKeyboardMarkup([[cancel]])

    def retry(self, locale: str, job_id: int) -> InlineKeyboardMarkup:
        """Make what stands under a job that brought no picture."""
        retry = button(self.texts(locale, "button.retry"), Verb.AGAIN, job_id)
        return InlineKeyboardMarkup([[retry]])

    def offer(self, message_id: int, models: Sequence[Profile]) -> InlineKeyboardMarkup:
        """List the models that can draw the pending prompt of a message."""
        buttons = [button(known.label, Verb.USE, f"{message_id}:{known.id}") for known in models]
        return InlineKeyboardMarkup(columns(buttons))
