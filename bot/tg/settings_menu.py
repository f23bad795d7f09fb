"""The settings: one message with buttons, one level at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bot.i18n import pick
from bot.tg.keyboards import AUTO, Verb

if TYPE_CHECKING:
    from telegram import CallbackQuery, InlineKeyboardMarkup

    from bot.catalogue import Profile
    from bot.domain import Preferences
    from bot.tg.desk import Desk
    from bot.tg.keyboards import Press


def title(desk: Desk, locale: str, chosen: Preferences) -> str:
    """Tell what an account's pictures are drawn with."""
    profile = profile_of(desk, chosen)
    ratio = chosen.aspect_ratio if chosen.aspect_ratio in profile.aspect_ratios else None
    return desk.texts(
        locale,
        "settings.title",
        model=profile.label,
        ratio=ratio or desk.texts(locale, "settings.auto"),
    )


def profile_of(desk: Desk, chosen: Preferences) -> Profile:
    """Find the chosen model, or the default where it has left the catalogue."""
    return desk.catalogue.get(chosen.model or "") or desk.default_profile


async def on_press(desk: Desk, query: CallbackQuery, press: Press) -> None:
    """Turn a page, or keep a choice and go back to the first page.

    The choices are those of the person who presses: the menu can be shared in a group.
    """
    locale = pick(query.from_user.language_code)
    account = query.from_user.id
    chosen = await desk.preferences.of(account)
    match press.verb:
        case Verb.MODEL if desk.catalogue.get(press.argument):
            await desk.preferences.model(account, press.argument)
        case Verb.RATIO if press.argument in (AUTO, *profile_of(desk, chosen).aspect_ratios):
            ratio = None if press.argument == AUTO else press.argument
            await desk.preferences.aspect_ratio(account, ratio)
        case Verb.MENU:
            pass
        case _:
            desk.talk.start(
                desk.messages.answer(query.id, desk.texts(locale, "press.stale")), "stale choice"
            )
            return
    chosen = await desk.preferences.of(account)
    page = _page(desk, locale, press, chosen)
    desk.talk.start(_show(desk, query, title(desk, locale, chosen), page), "settings")


def _page(desk: Desk, locale: str, press: Press, chosen: Preferences) -> InlineKeyboardMarkup:
    profile = profile_of(desk, chosen)
    match press:
        case press if press.verb is Verb.MENU and press.argument == Verb.MODEL:
            return desk.keyboards.models(locale, desk.catalogue, profile)
        case press if press.verb is Verb.MENU and press.argument == Verb.RATIO:
            return desk.keyboards.ratios(locale, profile, chosen)
        case _:
            return desk.keyboards.settings(locale)


async def _show(desk: Desk, query: CallbackQuery, text: str, page: InlineKeyboardMarkup) -> None:
    await desk.messages.answer(query.id)
    if query.message:
        await desk.messages.edit(query.message.chat.id, query.message.message_id, text, page)
