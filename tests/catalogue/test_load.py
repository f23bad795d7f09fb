"""The catalogue's files: the shipped one, and the operator's that is laid over it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.catalogue.load import load_catalogue, parse_catalogue
from bot.catalogue.models import Catalogue
from bot.config import ConfigError

BELOW = """
[[model]]
id = "a"
label = "A"
aliases = ["quick", "slow"]
[[model]]
id = "b"
label = "B"
fallbacks = ["a"]
"""


def below() -> Catalogue:
    return parse_catalogue(BELOW, "shipped.toml")


def over(text: str) -> Catalogue:
    return parse_catalogue(text, "own.toml", below())


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        over(text)
    line = str(caught.value)
    assert line.startswith("own.toml: ")
    assert "\n" not in line
    return line


def test_a_new_model_stands_behind_the_others() -> None:
    known = over('[[model]]\nid = "c"\nlabel = "C"\nfallbacks = ["a"]')
    assert [profile.id for profile in known] == ["a", "b", "c"]


def test_a_known_id_replaces_the_whole_entry_in_its_place() -> None:
    known = over('[[model]]\nid = "a"\nlabel = "Mine"')
    first = next(iter(known))
    assert (first.label, first.aliases) == ("Mine", ())
    assert [profile.id for profile in known] == ["a", "b"]


def test_an_id_and_offered_false_hide_a_model_and_free_its_aliases() -> None:
    known = over(
        '[[model]]\nid = "a"\noffered = false\n'
        '[[model]]\nid = "c"\nlabel = "C"\naliases = ["quick"]'
    )
    hidden = known.get("a")
    assert hidden is not None
    assert (hidden.label, hidden.hidden) == ("A", True)
    found = known.find("quick")
    assert found is not None
    assert found.id == "c"


def test_hiding_a_model_that_is_not_there_is_an_entry_without_a_label() -> None:
    assert "label is missing" in complaint('[[model]]\nid = "none"\noffered = false')


def test_an_own_alias_is_taken_from_the_shipped_model() -> None:
    known = over('[[model]]\nid = "c"\nlabel = "C"\naliases = ["QUICK"]')
    first = next(iter(known))
    assert first.aliases == ("slow",)


def test_an_own_id_may_be_a_shipped_alias() -> None:
    known = over('[[model]]\nid = "slow"\nlabel = "Slow"')
    assert [profile.aliases for profile in known] == [("quick",), (), ()]


def test_a_model_that_the_operator_hides_is_nobodys_fallback() -> None:
    known = over('[[model]]\nid = "a"\noffered = false')
    model = known.get("b")
    assert model is not None
    assert known.fallbacks(model) == []


def test_a_file_may_stand_alone() -> None:
    known = over('extends = false\n[[model]]\nid = "c"\nlabel = "C"')
    assert [profile.id for profile in known] == ["c"]


def test_a_file_may_say_nothing_of_models_but_of_the_gateway() -> None:
    known = over("[gateway.main]\nconnect_timeout = 3")
    assert known.gateways["main"].connect_timeout == 3
    assert len(known) == 2


def test_a_gateway_of_the_file_below_may_be_named() -> None:
    table = '[gateway.other]\nurl = "https://gw.example"\nkey = "KEY"\n'
    first = parse_catalogue(table + BELOW, "shipped.toml")
    text = '[[model]]\nid = "c"\nlabel = "C"\ngateway = "other"'
    assert set(parse_catalogue(text, "own.toml", first).gateways) == {"main", "other"}


def test_an_empty_file_changes_nothing() -> None:
    assert list(over("")) == list(below())


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("extends = 1", "extends"),
        ("extends = false", "model"),
        ("model = 1", "model"),
        ("model = []", "model"),
        ("model = [1]", "model number 1"),
        ("[[model]]", "model number 1: id"),
        ('other = 1\n[[model]]\nid = "c"\nlabel = "C"', "other"),
        ('[[model]]\nid = "c"\nlabel = "C"\n' * 2, "model c: id"),
        ('[[model]]\nid = "A"\nlabel = "C"', "model A: id"),
        ('[[model]]\nid = "c"\nlabel = "C"\naliases = ["b"]', "model c: aliases has b"),
        ('[[model]]\nid = "c"\nlabel = "C"\nfallbacks = ["B"]', "model c: fallbacks has B"),
        (
            '[[model]]\nid = "c"\nlabel = "C"\naliases = ["x"]\n[[model]]\nid = "d"\nlabel = "D"\naliases = ["X"]',
            "model d: aliases has X, which is c's",
        ),
        ("[[model", "is not TOML"),
        (f"big = {'9' * 5000}", "is not TOML"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(text: str, field: str) -> None:
    assert field in complaint(text)


def test_an_empty_catalogue_is_none() -> None:
    with pytest.raises(ConfigError, match=r"alone\.toml: model"):
        parse_catalogue("", "alone.toml")


def test_a_file_is_laid_over_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[[model]]\nid = "mine"\nlabel = "Mine"', encoding="utf-8")
    assert [profile.id for profile in load_catalogue(file)] == [
        *(known.id for known in load_catalogue()),
        "mine",
    ]


@pytest.mark.parametrize("content", [b"[[model", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^MODELS_FILE: .*own\.toml: "):
        load_catalogue(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^MODELS_FILE: .*none\.toml: cannot be read"):
        load_catalogue(tmp_path / "none.toml")
