"""`make i18n`: what the code names, what is missing or unused, and catalogues of one order."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.i18n.texts import LOCALES
from tools import texts

LOCALE_FOLDER = texts.ROOT / "bot" / "i18n" / "locales"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of all catalogues, up to date."""
    copy = tmp_path / "locales"
    shutil.copytree(LOCALE_FOLDER, copy)
    texts.update(copy)
    return copy


def catalogue(folder: Path, locale: str) -> Catalog:
    with (folder / locale / "LC_MESSAGES" / "bot.po").open("rb") as file:
        return read_po(file, locale=locale, abort_invalid=True)


def keys(folder: Path, locale: str) -> list[str]:
    return [
        str(m.id if isinstance(m.id, str) else m.id[0]) for m in catalogue(folder, locale) if m.id
    ]


def edit(folder: Path, locale: str, old: str, new: str) -> None:
    path = folder / locale / "LC_MESSAGES" / "bot.po"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_code_and_english_agree() -> None:
    found = texts.look(LOCALE_FOLDER, texts.keys_in(texts.ROOT / "bot"))
    assert (found.missing, found.unused) == ((), ())


def test_updating_again_changes_nothing(folder: Path) -> None:
    assert texts.update(folder) == []


def test_updating_keeps_every_text_that_there_was(folder: Path) -> None:
    for locale in LOCALES:
        before = {str(m.id): m.string for m in catalogue(LOCALE_FOLDER, locale) if m.id}
        after = {str(m.id): m.string for m in catalogue(folder, locale) if m.id}
        assert before.items() <= after.items()
        assert catalogue(folder, locale).num_plurals == catalogue(LOCALE_FOLDER, locale).num_plurals
        head = "Plural-Forms:"
        path = Path(locale, "LC_MESSAGES", "bot.po")
        old, new = ((root / path).read_text(encoding="utf-8") for root in (LOCALE_FOLDER, folder))
        assert old.partition("\n\n")[0] == new.partition("\n\n")[0]
        assert head in new


def test_a_new_key_is_empty_and_fuzzy_in_its_place(folder: Path) -> None:
    new = '#. a note\nmsgid "new.one"\nmsgstr "New"\n\nmsgid "new.many"\nmsgid_plural "new.many"\n'
    new += 'msgstr[0] "{n} thing"\nmsgstr[1] "{n} things"\n\nmsgid "help"'
    edit(folder, "en", 'msgid "help"', new)
    assert set(texts.update(folder)) == set(LOCALES) - {"en"}
    for locale in LOCALES:
        assert keys(folder, locale) == keys(folder, "en")
        one, many = (catalogue(folder, locale).get(key) for key in ("new.one", "new.many"))
        assert one is not None
        assert many is not None
        assert list(one.auto_comments) == ["a note"]
        assert (one.fuzzy, many.fuzzy) == (locale != "en",) * 2
        assert len(many.string or ()) == catalogue(folder, locale).num_plurals
    empty = texts.look(folder, texts.keys_in(texts.ROOT / "bot")).empty
    assert min(empty[locale] for locale in LOCALES if locale != "en") >= 2


def test_what_english_no_longer_has_goes_everywhere(folder: Path) -> None:
    edit(folder, "de", 'msgid "help"', 'msgid "old.one"\nmsgstr "Alt"\n\nmsgid "help"')
    assert texts.update(folder) == ["de"]
    assert "old.one" not in keys(folder, "de")


def test_a_placeholder_that_english_does_not_fill_makes_a_text_fuzzy(folder: Path) -> None:
    edit(folder, "en", 'msgstr "I heard: {words}"', 'msgstr "I heard you"')
    texts.update(folder)
    heard = catalogue(folder, "de").get("voice.heard")
    assert heard is not None
    assert heard.fuzzy


def test_checking_writes_nothing(folder: Path) -> None:
    edit(folder, "de", 'msgid "help"', 'msgid "old.one"\nmsgstr "Alt"\n\nmsgid "help"')
    assert texts.update(folder, write=False) == ["de"]
    assert "old.one" in keys(folder, "de")


def test_missing_and_unused_keys_are_told(folder: Path, tmp_path: Path) -> None:
    package = tmp_path / "bot"
    (package / "sandbox").mkdir(parents=True)
    code = "x = texts(locale, 'help')\ny = f'outcome.{kind}'\nz = button('press.no_such')\n"
    (package / "code.py").write_text(code + "w = 'json.loads'\n")
    (package / "sandbox" / "page.py").write_text("texts(locale, 'press.elsewhere')\n")
    found = texts.look(folder, texts.keys_in(package))
    assert found.missing == ("press.no_such",)
    assert "start" in found.unused
    assert "help" not in found.unused
    assert not any(key.startswith("outcome.") for key in found.unused)
