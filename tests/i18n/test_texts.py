"""Texts: both catalogues are whole, and a missing text never stops an answer."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.domain import InputProblem, OutcomeKind, Period
from bot.i18n import texts as texts_module
from bot.i18n.texts import LOCALES, RIGHT_TO_LEFT, Texts, parse, pick

DIRECTORY = Path(texts_module.__file__).with_name("locales")
TEXTS = Texts.load()
COMMANDS = ("start", "imagine", "cancel", "usage", "settings", "privacy", "id", "help")


def read(locale: str) -> Catalog:
    with (DIRECTORY / locale / "LC_MESSAGES" / "bot.po").open("rb") as file:
        return read_po(file, locale=locale)


def entries(locale: str) -> dict[str, tuple[str, ...]]:
    """Map each key to its text, or to all its plural forms."""
    found = {}
    for message in read(locale):
        if message.id:
            key = message.id if isinstance(message.id, str) else message.id[0]
            text = message.string or ""
            found[key] = (text,) if isinstance(text, str) else tuple(text)
    return found


def placeholders(texts: tuple[str, ...]) -> set[str]:
    return {name for text in texts for _, name, _, _ in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_is_empty_doubtful_or_marked_up(locale: str) -> None:
    assert [message.id for message in read(locale) if message.id and message.fuzzy] == []
    for key, texts in entries(locale).items():
        assert all(text.strip() == text and text for text in texts), key
        assert not any(sign in text for text in texts for sign in ("<b>", "**", "&amp;")), key


@pytest.mark.parametrize("locale", LOCALES)
def test_every_plural_form_is_filled(locale: str) -> None:
    catalogue = read(locale)
    plurals = {
        message.id[0]: message.string
        for message in catalogue
        if isinstance(message.id, (tuple, list)) and isinstance(message.string, (tuple, list))
    }
    assert {"status.queued", "cancel.done"} <= set(plurals)
    assert {catalogue.num_plurals} == {len(forms) for forms in plurals.values()}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_locale_has_the_same_keys_and_placeholders(locale: str) -> None:
    english, other = entries("en"), entries(locale)
    assert list(english) == list(other)
    for key, texts in english.items():
        assert placeholders(texts) == placeholders(other[key]), key


@pytest.mark.parametrize("locale", LOCALES)
def test_every_text_is_read_as_babel_reads_it(locale: str) -> None:
    assert entries(locale) == TEXTS.languages[locale].texts


def test_what_is_fuzzy_or_empty_is_left_out() -> None:
    po = """# a comment
msgid ""
msgstr ""
"Language: de\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

#. a note
#, fuzzy
msgid "doubtful"
msgstr "Vielleicht"

msgid "empty"
msgstr ""

msgid "half"
msgid_plural "half"
msgstr[0] "{n} Hälfte"
msgstr[1] ""

msgid "things"
msgid_plural "things"
msgstr[0] "{n} Ding"
msgstr[1] "{n} Dinge"

msgid "lines"
msgstr ""
"a \\"b\\"\\n"
"c"
"""
    german = parse(po)
    assert german.texts == {"things": ("{n} Ding", "{n} Dinge"), "lines": ('a "b"\nc',)}
    assert [german.template("things", n) for n in (0, 1, 2, None)] == [
        *("{n} Dinge", "{n} Ding", "{n} Dinge", "{n} Ding")
    ]
    assert german.template("doubtful", None) is None


@pytest.mark.parametrize("locale", LOCALES)
def test_plurals_follow_the_language(locale: str) -> None:
    from babel.messages.plurals import get_plural

    forms = {"id": 1}  # which Babel does not list, and CLDR gives one form
    assert read(locale).num_plurals == forms.get(locale, get_plural(locale).num_plurals)


def test_placeholders_are_plain_names() -> None:
    names = {name for texts in entries("en").values() for name in placeholders(texts)}
    assert all(name.isidentifier() for name in names)


def test_every_word_of_the_domain_has_a_text() -> None:
    needed = {f"outcome.{kind}" for kind in OutcomeKind if kind is not OutcomeKind.DRAWN}
    needed |= {f"problem.{problem}" for problem in InputProblem}
    needed |= {f"usage.line.{period}" for period in Period}
    needed |= {f"limit.{period}" for period in Period if period is not Period.ALL}
    needed |= {f"command.{command}" for command in COMMANDS}
    assert needed - set(entries("en")) == set()


@pytest.mark.parametrize(
    ("locale", "said"), [("en", "Nothing was charged."), ("zh_Hans", "未计费。")]
)
def test_every_outcome_says_once_that_nothing_was_charged(locale: str, said: str) -> None:
    texts = {key: text[0] for key, text in entries(locale).items() if key.startswith("outcome.")}
    assert {1} == {text.count(said) for text in texts.values()}


@pytest.mark.parametrize("locale", LOCALES)
def test_texts_keep_telegrams_limits(locale: str) -> None:
    for key, texts in entries(locale).items():
        limit = {"press": 200, "command": 256, "button": 40}.get(key.split(".")[0], 1500)
        assert max(map(len, texts)) <= limit, key


def test_the_plural_goes_by_n() -> None:
    assert TEXTS("en", "status.queued", n=1) == "Waiting: 1 picture ahead of yours…"
    assert TEXTS("en", "status.queued", n=2) == "Waiting: 2 pictures ahead of yours…"
    assert TEXTS("zh_Hans", "status.queued", n=1) == "排队中:前面还有 1 张…"


def test_a_value_is_never_formatted_again() -> None:
    assert "{detail} {0} %s" in TEXTS("en", "outcome.refused", detail="{detail} {0} %s")


def test_a_spare_argument_does_no_harm() -> None:
    assert TEXTS("en", "button.cancel", n=3, other="x") == "Cancel"


def test_an_unknown_key_is_given_back() -> None:
    assert TEXTS("zh_Hans", "no.such.key", n=2) == "no.such.key"


def test_a_missing_placeholder_gives_the_key_and_no_error() -> None:
    assert TEXTS("en", "access.denied") == "access.denied"


def test_an_unknown_locale_speaks_english() -> None:
    assert TEXTS("sw", "button.cancel") == "Cancel"


@pytest.mark.parametrize(
    ("code", "locale"),
    [
        ("zh", "zh_Hans"),
        ("zh-hans", "zh_Hans"),
        ("zh-CN", "zh_Hans"),
        ("ZH", "zh_Hans"),
        ("zh-TW", "zh_Hant"),
        ("zh_Hant", "zh_Hant"),
        ("zh-Hant-HK", "zh_Hant"),
        ("pt", "pt_BR"),
        ("pt-PT", "pt_BR"),
        ("de-AT", "de"),
        ("RU", "ru"),
        ("fa", "fa"),
    ],
)
def test_a_language_tag_finds_its_locale(code: str, locale: str) -> None:
    assert pick(code) == locale


@pytest.mark.parametrize("code", [None, "", "en", "sw", "zha", "en-zh", "-", "zz-TW"])
def test_everybody_else_is_answered_in_english(code: str | None) -> None:
    assert pick(code) == "en"


def is_value(key: str) -> bool:
    """Whether a text stands behind a name, inside a line."""
    inside = re.match(r"settings\.(auto|send|caption|buttons)\.(?!about)", key)
    return bool(inside) or key in {
        *("settings.auto", "settings.auto_is", "settings.on", "settings.off"),
        *("settings.no_prefix", "settings.no_limit", "settings.each_own", "usage.cost_unknown"),
        *("status.usual", "status.elapsed", "model.time", "model.edits"),
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_what_begins_a_line_has_a_capital_and_dashes_are_of_one_kind(locale: str) -> None:
    dashes: set[str] = set()
    for key, texts in entries(locale).items():
        for text in texts:
            dashes.update(re.findall(r"(?<=\s)[-\u2013\u2014](?=\s)", text))
            first = text.lstrip("“„«\"'¿¡\u200e• ")[:1]
            assert is_value(key) or not first.islower(), (key, text)
    assert dashes == {"\u2014" if locale in ("ru", "uk") else "\u2013"}


@pytest.mark.parametrize("locale", LOCALES)
def test_no_text_names_a_machines_word_or_what_the_operator_is_billed(locale: str) -> None:
    # What people type or set is theirs: commands, flags and, for operators, settings.
    for key, texts in entries(locale).items():
        for text in texts:
            words = set(re.findall(r"\b[A-Za-z]+(?:_[A-Za-z]+)+\b", text))
            placed = {name.strip("{}") for name in re.findall(r"\{\w+\}", text)}
            assert key.startswith("operator.") or words - placed == set(), (key, words)
    for key in ("outcome.out_of_money", "outcome.bad_key"):
        assert entries(locale)[key] != entries(locale)[f"operator.{key.split('.')[1]}"]


@pytest.mark.parametrize("locale", LOCALES)
def test_what_leads_on_points_where_one_reads(locale: str) -> None:
    arrow, other = "◂▸" if locale in RIGHT_TO_LEFT else "▸◂"
    for key in ("button.ratio", "button.size", "button.model", "button.more"):
        (label,) = entries(locale)[key]
        assert label.endswith(f" {arrow}"), key
        assert other not in label
