"""Callback data: short enough for Telegram, and read back whatever comes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot import catalogue
from bot.domain import Picture, Preferences
from bot.i18n import LOCALES, Texts
from bot.tg.keyboards import Keyboards, Press, Verb, bears_ours, parse

LARGEST = 2**63 - 1
KEYBOARDS = Keyboards(Texts.load())
MODELS = catalogue.load()


def picture(number: int) -> Picture:
    return Picture(0, "0" * 64, "image/png", 1, 1, 1, id=number, job_id=number)


def keyboards(locale: str) -> list[InlineKeyboardMarkup]:
    profiles = list(MODELS)
    return [
        KEYBOARDS.status(locale, LARGEST),
        KEYBOARDS.retry(locale, LARGEST),
        KEYBOARDS.picture(locale, picture(LARGEST)),
        KEYBOARDS.settings(locale),
        KEYBOARDS.models(locale, MODELS, profiles[0]),
        *(KEYBOARDS.ratios(locale, profile, Preferences()) for profile in profiles),
    ]


@pytest.mark.parametrize("locale", LOCALES)
def test_every_button_keeps_telegrams_limit_and_is_understood(locale: str) -> None:
    for keyboard in keyboards(locale):
        for row in keyboard.inline_keyboard:
            for button in row:
                data = button.callback_data
                assert isinstance(data, str)
                assert 1 <= len(data.encode()) <= 64
                assert parse(data) is not None
                assert button.text


@given(st.text())
def test_parsing_takes_anything(data: str) -> None:
    press = parse(data)
    assert press is None or f"{press.verb}:{press.argument}" == data


@given(st.sampled_from(Verb), st.text())
def test_an_argument_is_an_id_or_none(verb: Verb, argument: str) -> None:
    press = parse(f"{verb}:{argument}")
    assert press is not None
    assert press.id is None or 0 <= press.id < 2**63


@given(st.sampled_from(Verb), st.integers(0, 10**18 - 1))
def test_ids_come_back(verb: Verb, number: int) -> None:
    assert parse(f"{verb}:{number}") == Press(verb, str(number))
    assert Press(verb, str(number)).id == number


@pytest.mark.parametrize("data", [None, "", ":", "again", "Again:1", "again :1", "nothing:1"])
def test_what_is_not_ours_is_nothing(data: str | None) -> None:
    assert parse(data) is None


def test_a_picture_of_ours_is_known_by_its_buttons() -> None:
    link = InlineKeyboardMarkup([[InlineKeyboardButton("news", url="https://news.example")]])
    assert bears_ours(KEYBOARDS.picture("en", picture(1)))
    assert not bears_ours(KEYBOARDS.status("en", 1))
    assert not bears_ours(link)
    assert not bears_ours(None)
