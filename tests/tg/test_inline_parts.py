"""The parts of inline mode that read what comes from outside."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from telegram import InputTextMessageContent

from bot.domain.jobs import number_of
from bot.features.inline.handlers import _mark
from bot.features.inline.query_results import placeholder
from bot.features.inline.service import NEWEST
from bot.i18n.texts import LOCALES, Texts
from bot.tg.callbacks import Verb, parse
from bot.tg.text_limits import CAPTION, TEXT, units

TEXTS = Texts.load()


@given(st.text(max_size=80))
def test_any_offset_is_a_mark_of_the_database(offset: str) -> None:
    assert 0 <= _mark(offset) <= NEWEST


@given(st.integers(0, 10**18 - 1))
def test_an_offset_of_ours_comes_back(mark: int) -> None:
    assert _mark(str(mark)) == mark


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_a_message_has_one_number_which_no_message_of_a_chat_has(name: str) -> None:
    assert -(1 << 56) <= number_of(name) < 0
    assert number_of(name) == number_of(name) != number_of(name + "x")


@given(
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=1000),
    st.sampled_from(LOCALES),
    st.one_of(st.none(), st.integers(1, 10**18 - 1)),
)
def test_every_offer_fits_and_its_button_can_be_read(
    prompt: str, locale: str, job_id: int | None
) -> None:
    result = placeholder(TEXTS, locale, prompt, job_id)
    content, markup = result.input_message_content, result.reply_markup
    assert isinstance(content, InputTextMessageContent)
    assert 0 < units(content.message_text) <= min(CAPTION, TEXT)
    assert markup is not None
    ((key,),) = markup.inline_keyboard
    press = parse(str(key.callback_data))
    assert press is not None
    assert (press.verb, press.id) == (Verb.CANCEL, job_id)
    assert len(str(key.callback_data).encode()) <= 64
