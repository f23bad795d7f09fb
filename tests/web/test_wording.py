"""What the pages say: each text is there in both languages, with the same brackets."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.billing.access import Denial
from bot.domain import CostSource, JobState, OutcomeKind
from bot.domain.administration import AdminVerb, Facts
from bot.features.admin import cli
from bot.storage.columns import CallKind, LedgerKind
from bot.web import model_pages, overview, system_pages, visits, wording, words
from bot.web.wording import Wording, duration, figures, money

WEB = Path(wording.__file__).parent
LITERAL = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""


def asked_for() -> set[str]:
    """List the texts that templates name, and those that reach them by name."""
    found = {label for _, label in visits.PAGES} | set(visits.NOTES.values())
    found |= set(words.texts())
    for file in WEB.glob("templates/*.html"):
        template = file.read_text(encoding="utf-8")
        for call in re.finditer(rf"\bt\({LITERAL}", template):
            found.add(call[1] or call[2])
        for choice in re.finditer(r"\bt\(\{(.*?)\}\[", template):
            found |= {text[1] for text in re.finditer(r": '([^']*)'", choice[1])}
    written = Path(overview.__file__).read_text(encoding="utf-8")
    found |= {text[1] for text in re.finditer(r'(?:Chart|Comparison)\(\s*"(\w[^"]*)"', written)}
    found |= {model_pages.SILENT, *cli.BALANCES.values(), *system_pages.LEVELS.values()}
    named = (
        system_pages.LINES,
        overview._COUNTED,
        overview._TIMED,
        overview._NEEDS,
        overview._LASTING,
    )
    return found | {*overview._SPREAD, *(text for some in named for text in some.values())}


def chinese() -> dict[str, str]:
    with (WEB / "locales" / "zh.po").open("rb") as file:
        return {str(one.id): str(one.string) for one in read_po(file) if one.id}


def test_every_text_is_there_in_chinese_and_no_other_is() -> None:
    known = set(chinese())
    assert asked_for() - known == set()
    assert known - asked_for() == set()


def test_brackets_are_the_same_in_chinese() -> None:
    for text, own in chinese().items():
        assert own
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", own)), text


@pytest.mark.parametrize(
    ("accepted", "locale"),
    [("", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("ZH", "zh"), ("de,zh", "en"), ("*", "en")],
)
def test_a_browser_s_first_language_is_taken(accepted: str, locale: str) -> None:
    assert Wording.of(accepted).locale == locale


def test_a_text_keeps_what_is_put_into_it_as_it_is() -> None:
    assert Wording("en")("Job {id}", id="{x}") == "Job {x}"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "–"),
        (-1, "-1.0 s"),
        (0.25, "0.2 s"),
        (59, "59 s"),
        (61, "1 min 1 s"),
        (3_700, "1 h 1 min"),
        (90_000, "1 d 1 h"),
    ],
)
def test_durations_are_told_in_two_units(seconds: float | None, shown: str) -> None:
    assert duration(seconds) == shown


def test_money_has_as_many_digits_as_it_needs() -> None:
    shown = [money(micros, "USD") for micros in (0, 38_702, 9_999_900, 40_000_000, 1_234_567_890)]
    assert shown == ["0.0000 USD", "0.0387 USD", "9.9999 USD", "40.00 USD", "1,234.57 USD"]


def test_figures_are_written_out() -> None:
    assert (figures(None), figures(1234567), figures("x")) == ("–", "1,234,567", "x")


@pytest.mark.parametrize(
    "codes", [JobState, OutcomeKind, LedgerKind, CallKind, CostSource, AdminVerb, Denial]
)
def test_every_code_has_words(codes: type[StrEnum]) -> None:
    assert words._WORDS[codes].keys() == set(codes)


@pytest.mark.parametrize(
    ("told", "english", "chinese"),
    [
        ({"on": True}, "on", "开启"),
        ({"banned_at": None, "ban_reason": ""}, "–", "–"),
        (
            {"banned_at": "2026-11-30T22:54:47+00:00", "ban_reason": "spam"},
            "banned: 2026-11-30 22:54:47, reason: spam",
            "已封禁: 2026-11-30 22:54:47, 原因: spam",
        ),
        ({"day": 3}, "Pictures a day: 3", "每日图片: 3"),
        (
            {"state": "failed", "outcome": "text_only"},
            "failed, only words came",
            "失败, 只返回文字",
        ),
        ({"state": "running", "people": 0}, "running, people: 0", "绘制中, 人数: 0"),
    ],
)
def test_facts_are_told_in_words(told: Facts, english: str, chinese: str) -> None:
    assert words.facts(told, Wording("en")) == english
    assert words.facts(told, Wording("zh")) == chinese
