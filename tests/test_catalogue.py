"""The catalogue: what is shipped, and how a wrong one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import catalogue
from bot.catalogue import CatalogueError, Modalities, Price, Profile, RatioDialect, load
from bot.settings import load as load_settings

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

GOOD = """
[[model]]
id = "m"
label = "M"
modalities = "text_image"
ratio_dialect = "none"
edits = false
"""
PRICED = GOOD + '[model.price]\ncurrency = "USD"\nper_picture = "0.039"\n'


def profile(text: str, path: Path) -> Profile:
    file = path / "models.toml"
    file.write_text(text, encoding="utf-8")
    found = load(file).get("m")
    assert found is not None
    return found


def test_the_default_model_is_shipped_and_first() -> None:
    shipped = load()
    first = next(iter(shipped))
    assert first == shipped.get(load_settings({}, None).default_model)
    assert first.modalities is Modalities.TEXT_IMAGE
    assert first.ratio_dialect is RatioDialect.EXTRA_BODY
    assert first.image_sentence == "Output an image."
    assert first.price == Price("USD", 39_000, 300_000, None, 30_000_000)


def test_ids_fit_into_a_button() -> None:
    assert all(len(known.id.encode()) <= 48 for known in load())


def test_an_unknown_model_is_none() -> None:
    assert load().get("no-such-model") is None


def test_a_default_model_that_is_not_there_is_told() -> None:
    with pytest.raises(CatalogueError, match=r"^DEFAULT_MODEL is not .*gemini-2\.5-flash-image"):
        catalogue.default_model(load(), "no-such-model")


def test_what_may_be_left_out_has_a_default(tmp_path: Path) -> None:
    expected = Profile("m", "M", Modalities.TEXT_IMAGE, RatioDialect.NONE, (), max_inputs=0)
    assert expected == profile(GOOD, tmp_path)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (GOOD.replace('"m"', '""'), "id"),
        (GOOD.replace('"m"', f'"{"m" * 49}"'), "id"),
        (GOOD.replace('"m"', "7"), "id"),
        (GOOD.replace('"M"', '" "'), "label"),
        (GOOD.replace("text_image", "text"), "modalities"),
        (GOOD.replace('"none"', '"other"'), "ratio_dialect"),
        (GOOD.replace('"none"', '"extra_body"'), "aspect_ratios"),
        (GOOD + 'aspect_ratios = ["1:1"]', "aspect_ratios"),
        (GOOD.replace('"none"', '"extra_body"') + 'aspect_ratios = ["wide"]', "aspect_ratios"),
        (
            GOOD.replace('"none"', '"extra_body"') + 'aspect_ratios = ["1:1", "1:1"]',
            "aspect_ratios",
        ),
        (GOOD.replace("false", '"no"'), "edits"),
        (GOOD.replace("edits = false", ""), "edits"),
        (GOOD.replace("false", "true"), "max_inputs"),
        (GOOD + "max_inputs = 3", "max_inputs"),
        (GOOD + "max_inputs = true", "max_inputs"),
        (GOOD + "image_sentence = 1", "image_sentence"),
        (GOOD + 'colour = "red"', "colour"),
        (GOOD + "price = 1", "price"),
        (PRICED.replace("USD", "usd"), "currency"),
        (PRICED.replace('"0.039"', "0.039"), "per_picture"),
        (PRICED.replace("0.039", "-1"), "per_picture"),
        (PRICED.replace("0.039", "0.0000001"), "per_picture"),
        (PRICED.replace('per_picture = "0.039"', ""), "currency"),
        (PRICED + 'per_pixel = "1"', "per_pixel"),
        (GOOD + GOOD, "id"),
        ("", "model"),
        ("model = 1", "model"),
        ("[[model]]", "id"),
        ("other = 1" + GOOD, "other"),
    ],
)
def test_a_wrong_field_is_told_in_one_line(text: str, field: str, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError) as caught:
        profile(text, tmp_path)
    line = str(caught.value)
    assert line.startswith(str(tmp_path / "models.toml"))
    assert field in line
    assert "\n" not in line


@pytest.mark.parametrize("content", [b"[[model", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_told(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "models.toml"
    file.write_bytes(content)
    with pytest.raises(CatalogueError, match=r"models\.toml"):
        load(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot be read"):
        load(tmp_path / "none.toml")


@given(st.decimals(0, 999_999_999, places=6))
def test_prices_become_whole_micros_exactly(amount: Decimal) -> None:
    text = PRICED.replace("0.039", f"{amount:f}")
    price = catalogue.parse(text, "models.toml")
    found = price.get("m")
    assert found is not None
    assert found.price is not None
    assert found.price.per_picture_micros == amount * 1_000_000
