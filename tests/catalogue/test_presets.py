"""Presets: read strictly, an operator's own laid over the shipped ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue import presets
from bot.catalogue.load import load_catalogue
from bot.config import ConfigError
from bot.i18n.texts import LOCALES, Texts
from bot.jobs.flags import parse_flags

DOC = Path(__file__).parents[2] / "docs" / "presets.md"
OWN = """
[[preset]]
id = "{id}"
emoji = "🐧"
label = "Penguin"
prompt = "Add a penguin."
labels.ru = "Пингвин"
"""
SHIPPED = presets.load_presets()


def laid(text: str) -> presets.Presets:
    return presets.parse_presets(text, "own.toml", SHIPPED)


def test_every_shipped_preset_has_a_name_in_every_language() -> None:
    texts = Texts.load()
    for locale in LOCALES:
        names = [texts(locale, f"preset.{preset.id}") for preset in SHIPPED]
        assert len(set(names)) == len(names)
        assert all(0 < len(name) <= 40 for name in names), locale


def test_no_words_of_a_shipped_preset_are_taken_for_flags() -> None:
    models = load_catalogue()
    for preset in SHIPPED:
        prompt = preset.fill("a penguin")
        assert parse_flags(prompt, models.find).prompt == prompt, preset.id


def test_an_own_preset_replaces_its_namesake_or_stands_last() -> None:
    merged = laid(OWN.format(id="anime") + OWN.format(id="penguin"))
    assert [one.id for one in merged] == [*(one.id for one in SHIPPED), "penguin"]
    penguin = merged.get("penguin")
    assert penguin
    assert (penguin.name("ru"), penguin.name("de")) == ("Пингвин", "Penguin")
    anime = merged.get("anime")
    assert anime
    assert anime.fill() == "Add a penguin."


def test_one_can_be_taken_away_and_all_can() -> None:
    less = laid('[[preset]]\nid = "anime"\noffered = false')
    assert [one.id for one in less] == [one.id for one in SHIPPED if one.id != "anime"]
    assert list(laid("extends = false")) == []


def test_words_stand_in_their_place_or_behind() -> None:
    from_words = presets.Preset("a", "A sticker of {words}, bold.")
    assert from_words.fill("a {fox}") == "A sticker of a {fox}, bold."
    of_photo = presets.Preset("b", "Make it old.")
    assert (of_photo.fill(), of_photo.fill("but keep the hat")) == (
        "Make it old.",
        "Make it old.\nbut keep the hat",
    )


@given(st.sampled_from(list(SHIPPED)), st.text())
def test_a_worded_preset_is_known_again_with_the_words_that_went_in(
    preset: presets.Preset, words: str
) -> None:
    assert SHIPPED.wording(preset.fill(words)) == (preset, words)


def test_other_prompts_are_no_presets() -> None:
    assert SHIPPED.wording("a red fox") is None
    alone = laid('[[preset]]\nid = "mine"\nlabel = "Mine"\nprompt = "{words}"')
    assert alone.wording("a red fox") is None


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (OWN.format(id="A b"), "preset A b: id must be"),
        (OWN.format(id="a").replace("prompt", "promt"), "preset a: promt is not known"),
        ('[[preset]]\nid = "a"\nlabel = "A"', "preset a: prompt is missing"),
        (OWN.format(id="a").replace("label =", "lable ="), "preset a: lable is not known"),
        (OWN.format(id="a").replace('label = "Penguin"', ""), "preset a: label is missing"),
        (OWN.format(id="a").replace('"Пингвин"', "1"), "preset a: labels.ru must be"),
        (OWN.format(id="a").replace("labels.ru", "labels.tlh"), "labels.tlh is no language"),
        (OWN.format(id="a").replace("Penguin", "P" * 31), "label is longer than 30"),
        (OWN.format(id="a") * 2, "preset a: id is there twice"),
        ('[[preset]]\nid = "nobody"\noffered = false', "no preset that could be taken away"),
        ('[[preset]]\nid = "figurine"\noffered = false\nlabel = "F"', "label has no use where"),
        (OWN.format(id="a").replace("Add a", "Add {who} a"), "prompt has {who}, but only {words}"),
        ("x = 1", "top level: x is not known"),
        ("preset = 1", "preset must be a list"),
        ("[[", "is not TOML"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, error: str) -> None:
    with pytest.raises(ConfigError) as raised:
        laid(text)
    told = str(raised.value)
    assert told.startswith("own.toml: ")
    assert error in told
    assert "\n" not in told


def test_the_documents_example_is_one() -> None:
    example = DOC.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    known = laid(example).get("watercolour")
    assert known
    assert not known.from_words
