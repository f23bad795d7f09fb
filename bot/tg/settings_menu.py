"""The settings: one message with buttons, one level at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n import pick
from bot.tg import owners
from bot.tg.keyboards import AUTO, Verb

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup

    from bot.domain import Preferences
    from bot.options import Options
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press


async def top(desk: Desk, locale: str, account: int) -> tuple[str, InlineKeyboardMarkup]:
    """Make the first page, for a person or a chat that speaks for itself."""
    chosen = await desk.preferences.of(account)
    drawn, most = desk.choices.preferred(chosen), desk.choices.max_count
    named = account if account < 0 else None
    return title(desk, locale, drawn), desk.keyboards.settings(locale, drawn, most, named)


def title(desk: Desk, locale: str, drawn: Options) -> str:
    """Tell what an account's pictures are drawn with."""
    auto = desk.texts(locale, "settings.auto")
    return desk.texts(
        locale,
        "settings.title",
        model=drawn.profile.label,
        ratio=drawn.aspect_ratio or auto,
        size=drawn.size or auto,
        count=drawn.count,
    )


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn a page, or keep a choice and go back to the first page.

    The choices are those of the person who presses: the menu can be shared in a group. One that a
    chat asked for is about that chat, and for those who govern it.
    """
    account = query.from_user.id if press.account is None else press.account
    if not await owners.acts_for(desk, query, account, "press.not_governing"):
        return
    chosen = await desk.preferences.of(account)
    if not await _keep(desk, account, press, chosen):
        owners.answer(desk, query, "press.stale")
        return
    locale = pick(query.from_user.language_code)
    drawn = desk.choices.preferred(await desk.preferences.of(account))
    page = _page(desk, locale, press, drawn)
    desk.talk.start(_show(desk, query, title(desk, locale, drawn), page), "settings")


async def _keep(desk: Desk, account: int, press: Press, chosen: Preferences) -> bool:
    """Keep what was chosen; False if there is no such thing to choose: data can be forged."""
    current = desk.choices.profile(chosen)
    word = None if press.argument == AUTO else press.argument
    match press.verb:
        case Verb.MODEL if word in {known.id for known in desk.choices.models(current)}:
            await desk.preferences.model(account, press.argument)
        case Verb.RATIO if word in (None, *current.aspect_ratios):
            await desk.preferences.aspect_ratio(account, word)
        case Verb.SIZE if word in (None, *current.sizes):
            await desk.preferences.size(account, word)
        case Verb.COUNT if press.id in range(1, desk.choices.max_count + 1):
            await desk.preferences.count(account, int(press.argument))
        case Verb.MENU:
            pass
        case _:
            return False
    return True


def _page(desk: Desk, locale: str, press: Press, drawn: Options) -> InlineKeyboardMarkup:
    keyboards, most, account = desk.keyboards, desk.choices.max_count, press.account
    match press.argument if press.verb is Verb.MENU else "":
        case Verb.MODEL:
            models = desk.choices.models(drawn.profile)
            return keyboards.models(locale, models, drawn.profile, account)
        case Verb.RATIO:
            return keyboards.ratios(locale, drawn, account)
        case Verb.SIZE:
            return keyboards.sizes(locale, drawn, account)
        case Verb.COUNT:
            return keyboards.counts(locale, drawn, most, account)
        case _:
            return keyboards.settings(locale, drawn, most, account)


async def _show(desk: Desk, query: CallbackQuery, text: str, page: InlineKeyboardMarkup) -> None:
    await desk.messages.answer(query.id)
    if query.message:
        await desk.messages.edit(query.message.chat.id, query.message.message_id, text, page)
