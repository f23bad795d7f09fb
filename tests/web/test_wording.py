"""What the pages say: each text is there in both languages, with the same brackets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from bot.billing.access import Denial
from bot.web import overview, visits, wording
from bot.web.wording import Wording, duration, facts, figures

WEB = Path(wording.__file__).parent
LITERAL = r"""(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")"""


def asked_for() -> set[str]:
    """List the texts that templates name, and those that reach them by name."""
    found = {label for _, label in visits.PAGES} | set(visits.NOTES.values())
    found |= {one.value for one in Denial}
    for file in WEB.glob("templates/*.html"):
        template = file.read_text(encoding="utf-8")
        for call in re.finditer(rf"\bt\({LITERAL}", template):
            found.add(call[1] or call[2])
        for choice in re.finditer(r"\bt\(\{(.*?)\}\[", template):
            found |= {text[1] for text in re.finditer(r": '([^']*)'", choice[1])}
    written = Path(overview.__file__).read_text(encoding="utf-8")
    found |= {text[1] for text in re.finditer(r'(?:Chart|Comparison)\(\s*"(\w[^"]*)"', written)}
    named = (overview._COUNTED, overview._TIMED, overview._NEEDS, overview._LASTING)
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


def test_figures_and_facts_are_written_out() -> None:
    assert (figures(None), figures(1234567), figures("x")) == ("–", "1,234,567", "x")
    assert facts({"on": True, "day": None, "n": 3}) == "on yes, day –, n 3"
