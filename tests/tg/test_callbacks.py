"""Callback data: short enough for Telegram, and read back whatever comes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.catalogue.load import load_catalogue
from bot.catalogue.models import Catalogue
from bot.domain import Picture, Request, now
from bot.i18n.texts import LOCALES, Texts
from bot.jobs.alternatives import AlternativeKind, Alternatives
from bot.jobs.options import ModelOptions
from bot.tg.callbacks import OF_PICTURES, Press, Verb, base36, has_buttons, parse
from bot.tg.keyboards import Keyboards, PictureKeyboard

LARGEST = 2**63 - 1
FARTHEST = -4_000_000_000_000  # no chat's id is below that
MESSAGE = 2**31 - 1
KEYBOARDS = Keyboards(Texts.load())
MODELS = list(load_catalogue())
LONG = replace(MODELS[0], id="m" * 48)  # the longest that a catalogue may hold
OPTIONS = ModelOptions(
    catalogue=Catalogue((*MODELS, LONG)), default=MODELS[0], max_count=10, clock=now
)
PICTURES = PictureKeyboard(Texts.load(), Alternatives(OPTIONS), lambda *_: "12 s")


def has_picture_buttons(markup: InlineKeyboardMarkup | None) -> bool:
    return has_buttons(markup, OF_PICTURES)


def picture(number: int) -> Picture:
    return Picture(0, "0" * 64, "image/png", 1, 1, 1, id=number, job_id=number)


def keyboards(locale: str) -> list[InlineKeyboardMarkup]:
    made = [
        KEYBOARDS.status(locale, LARGEST),
        KEYBOARDS.retry(locale, LARGEST),
        KEYBOARDS.offer("en", MESSAGE, [*MODELS, LONG], more=True),
    ]
    for profile in (*MODELS, LONG):
        request = Request("a fox", profile.id)
        made += filter(None, [PICTURES.main(locale, picture(LARGEST), request)])
        made += submenus(locale, picture(LARGEST), request)
    return made


def submenus(locale: str, shown: Picture, request: Request) -> list[InlineKeyboardMarkup]:
    made = [PICTURES.submenu(locale, shown, request, kind) for kind in AlternativeKind]
    return [submenu for submenu in made if submenu]


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
    assert press is None or data.endswith(f":{press.argument}")


@given(st.sampled_from(Verb), st.text())
def test_an_argument_is_an_id_or_none(verb: Verb, argument: str) -> None:
    press = parse(f"{verb}:{argument}")
    assert press is not None
    assert press.id is None or 0 <= press.id < 2**63


@given(st.sampled_from(Verb), st.integers(0, 10**18 - 1))
def test_ids_come_back(verb: Verb, number: int) -> None:
    assert parse(f"{verb}:{number}") == Press(verb, str(number))
    assert Press(verb, str(number)).id == number


@given(st.text() | st.from_regex(r"[0-9]{1,20}:.*"))
def test_a_message_and_a_word_are_read_or_none(argument: str) -> None:
    read = Press(Verb.USE, argument).of_message
    assert read is None or (0 <= read[0] < 2**63 and read[1])


def test_a_prompt_and_its_model_come_back() -> None:
    (row, *_) = KEYBOARDS.offer("en", 17, MODELS[:1], more=False).inline_keyboard
    press = parse(str(row[0].callback_data))
    assert press is not None
    assert press.of_message == (17, MODELS[0].id)


@given(st.integers(1, LARGEST), st.text(min_size=1))
def test_a_picture_and_a_word_come_back(number: int, word: str) -> None:
    assert Press(Verb.SET_RATIO, f"{base36(number)}:{word}").of_picture == (number, word)


@given(st.text() | st.from_regex(r"[0-9a-z]{1,15}:.*"))
def test_a_picture_and_a_word_are_read_or_none(argument: str) -> None:
    read = Press(Verb.HISTORY, argument).of_picture
    assert read is None or (0 < read[0] < 2**63 and read[1])


def test_many_models_stand_in_two_columns() -> None:
    assert {
        len(row) for row in KEYBOARDS.offer("en", 1, MODELS[:8], more=False).inline_keyboard
    } == {1}
    assert [
        len(row) for row in KEYBOARDS.offer("en", 1, MODELS[:9], more=False).inline_keyboard
    ] == [2, 2, 2, 2, 1]


FORGED = ["model@:x", "model@0:x", "model@Z:x", "model@-1:x", "model@" + "z" * 12 + ":x"]


@pytest.mark.parametrize("data", FORGED)
def test_an_account_that_is_none_is_none_of_ours(data: str) -> None:
    assert parse(data) is None


@pytest.mark.parametrize("data", [None, "", ":", "again", "Again:1", "again :1", "nothing:1"])
def test_what_is_not_ours_is_nothing(data: str | None) -> None:
    assert parse(data) is None


def test_a_picture_of_ours_is_known_by_its_buttons() -> None:
    link = InlineKeyboardMarkup([[InlineKeyboardButton("news", url="https://news.example")]])
    request = Request("a fox", MODELS[0].id)
    assert has_picture_buttons(PICTURES.main("en", picture(1), request))
    assert all(map(has_picture_buttons, submenus("en", picture(1), request)))
    assert not has_picture_buttons(KEYBOARDS.status("en", 1))
    assert not has_picture_buttons(link)
    assert not has_picture_buttons(None)
