"""Advice: why a wish is not drawn as it was meant, and what there is instead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import InputProblem
from bot.i18n import pick
from bot.jobs.options import OptionName
from bot.tg.parse import thread_of

if TYPE_CHECKING:
    from telegram import CallbackQuery, Message, User

    from bot.domain import Prompt
    from bot.features.desk import Desk
    from bot.i18n import Texts
    from bot.jobs.options import InvalidOption, Unsupported


def misfit_text(texts: Texts, locale: str, misfit: InvalidOption) -> str:
    """Tell which flag cannot be obeyed, and name what can be written."""
    known = ", ".join(misfit.known)
    none = not known and misfit.problem in (OptionName.RATIO, OptionName.SIZE)
    key = f"misfit.{misfit.problem}_none" if none else f"misfit.{misfit.problem}"
    return texts(locale, key, known=known, model=misfit.model)


def inability_text(texts: Texts, locale: str, inability: Unsupported) -> str:
    """Tell what the chosen model cannot do, and ask which other one shall draw, if there is one."""
    then = texts(locale, "offer.which" if inability.others else "offer.nobody")
    return "\n\n".join(filter(None, (lack_text(texts, locale, inability), then)))


def lack_text(texts: Texts, locale: str, inability: Unsupported) -> str:
    """Tell what the chosen model cannot do; nothing where that is over."""
    profile = inability.profile
    if inability.lack is None:
        return ""
    return texts(
        locale,
        f"unable.{inability.lack}",
        model=profile.label,
        n=profile.max_inputs,
        limit=profile.max_inputs,
    )


async def of_user(desk: Desk, user: User) -> str:
    """Tell it of somebody who is in no chat of the bot's: what chats have chosen is theirs."""
    return await of_person(desk, user.id, user.language_code)


async def of_person(desk: Desk, account_id: int, language_code: str | None) -> str:
    """Tell it of somebody who does not speak now, but whose Telegram's language was noted."""
    return await _held(desk, account_id, account_id, None, pick(language_code))


async def of_message(desk: Desk, message: Message, account_id: int) -> str:
    """Tell it of whoever wrote a message in an account's name."""
    spoken = pick(message.from_user.language_code if message.from_user else None)
    return await _held(desk, account_id, message.chat.id, thread_of(message), spoken)


async def of_press(desk: Desk, query: CallbackQuery) -> str:
    """Tell it of whoever pressed a button."""
    user, message = query.from_user, query.message
    if message is None:
        return await of_user(desk, user)
    spoken = pick(user.language_code)
    return await _held(desk, user.id, message.chat.id, thread_of(message), spoken)


async def of_wish(desk: Desk, wish: Prompt) -> str:
    """Tell it of whoever wishes for something in a chat; `wish.locale` is what he speaks."""
    return await _held(desk, wish.account_id, wish.chat_id, wish.thread_id, wish.locale)


async def _held(
    desk: Desk, account_id: int, chat_id: int, thread_id: int | None, spoken: str
) -> str:
    chosen = await desk.preferences.at(account_id, chat_id, thread_id)
    return chosen.language or spoken


MEGA = 1_000_000


@dataclass(frozen=True, slots=True)
class InputLimits:
    """The most bytes and pixels of one picture, and the words about them."""

    texts: Texts
    max_bytes: int
    max_pixels: int

    def explain(self, locale: str, problem: InputProblem) -> str:
        """Tell why a picture cannot be used, and what would do."""
        limit = ""
        if problem is InputProblem.TOO_MANY_BYTES:
            limit = f"{self.max_bytes / 1024 / 1024:.0f}"
        elif problem is InputProblem.TOO_MANY_PIXELS:
            limit = f"{self.max_pixels / MEGA:.0f}"
        return self.texts(locale, f"problem.{problem}", limit=limit)
