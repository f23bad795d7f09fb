"""The buttons under a history: short enough for Telegram, and there only where they can do something."""

from __future__ import annotations

import pytest

from bot.domain import Job, JobState, Picture, Request, now
from bot.features.history.handlers import history_keyboard, opening_keyboard
from bot.features.history.service import Direction, HistoryPage
from bot.i18n.texts import LOCALES, Texts
from bot.tg.callbacks import parse

LARGEST = 2**63 - 1
TEXTS = Texts.load()
JOB = Job(
    id=1,
    account_id=1,
    chat_id=1,
    thread_id=None,
    message_id=1,
    ordinal=0,
    request=Request("a fox", "painter"),
    locale="en",
    state=JobState.DELIVERED,
    claim=1,
    dispatched=True,
    created_at=now(),
)


def page(number: int, *, newer: bool, older: bool) -> HistoryPage:
    picture = Picture(0, "0" * 64, "image/png", 1, 1, 1, id=number, job_id=number)
    return HistoryPage(picture, JOB, newer=int(newer), older=int(older))


@pytest.mark.parametrize("locale", LOCALES)
def test_every_button_keeps_telegrams_limit_and_is_understood(locale: str) -> None:
    largest = page(LARGEST, newer=True, older=True)
    for make in (history_keyboard, opening_keyboard):
        made = make(TEXTS, locale, largest)
        for button in (button for row in made.inline_keyboard for button in row):
            data = button.callback_data
            assert isinstance(data, str)
            assert 1 <= len(data.encode()) <= 64
            assert parse(data) is not None
            assert button.text


def test_a_history_turns_only_where_there_is_more() -> None:
    only = history_keyboard(TEXTS, "en", page(1, newer=False, older=False))
    assert [len(row) for row in only.inline_keyboard] == [2, 2]
    last = history_keyboard(TEXTS, "en", page(1, newer=True, older=False))
    assert last.inline_keyboard[0][0].callback_data == f"history:1:{Direction.NEWER}"
    assert len(last.inline_keyboard[0]) == 1
