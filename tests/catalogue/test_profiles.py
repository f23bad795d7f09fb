"""A [[model]] entry: its defaults, and how a wrong one is told."""

from __future__ import annotations

import contextlib
import json
from dataclasses import fields
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import parse_catalogue
from bot.catalogue.profiles import (
    InputDialect,
    Keep,
    Modalities,
    Price,
    Profile,
    RatioDialect,
    Route,
)
from bot.config import ConfigError

GOOD = '[[model]]\nid = "m"\nlabel = "M"\n'
CHAT = GOOD + 'edit_route = "chat/completions"\nmax_inputs = 3\n'
DRAWS = GOOD + 'route = "images/generations"\n'
EDITS = DRAWS + 'edit_route = "images/edits"\nmax_inputs = 3\n'
PIXELS = DRAWS + 'ratio_dialect = "pixels"\npixels = { "16:9" = "1344x768", "1:1" = "1024x1024" }\n'
PRICED = GOOD + '[model.price]\ncurrency = "USD"\nper_picture = "0.039"\n'
SIZED = PIXELS + 'sizes = ["2K"]\n'
EXTRA = GOOD + "[model.extra]\n"


def profile(text: str) -> Profile:
    found = parse_catalogue(text, "models.toml").get("m")
    assert found is not None
    return found


def complaint(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_catalogue(text, "models.toml")
    return str(caught.value)


def test_what_may_be_left_out_has_a_default() -> None:
    assert Profile("m", "M") == profile(GOOD)
    assert profile(GOOD).name == "m"


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        ("chat/completions", InputDialect.PARTS),
        ("images/edits", InputDialect.MULTIPART),
        ("images/variations", InputDialect.MULTIPART),
        ("images/generations", InputDialect.IMAGE),
        ("images", InputDialect.IMAGE),
    ],
)
def test_pictures_are_sent_as_is_usual_for_the_route(route: str, expected: InputDialect) -> None:
    found = profile(f'{GOOD}edit_route = "{route}"\nmax_inputs = 1')
    assert (Route(route), expected) == (found.edit_route, found.inputs)


def test_every_field_is_read() -> None:
    text = """
    [[model]]
    id = "m"
    label = " The M "
    model = "vendor/m-2"
    gateway = "main"
    route = "none"
    edit_route = "images/edits"
    inputs = "image_objects"
    max_inputs = 2
    input_side = 1024
    input_bytes = 1048576
    mask = true
    ratio_dialect = "pixels"
    aspect_ratios = ["3:2"]
    sizes = ["2K", "512"]
    base_size = "2K"
    stream = true
    keep = "last"
    image_sentence = "Draw."
    retry_sentence = "Do draw."
    aliases = ["em"]
    fallbacks = []
    retires = 2027-03-15
    offered = false
    [model.pixels]
    "1:1" = "1024x1024"
    "3:2" = "1536x1024"
    [model.extra]
    quality = "high"
    seed = 7
    strength = 0.5
    watermark = false
    """
    assert profile(text) == Profile(
        id="m",
        label="The M",
        ratio_dialect=RatioDialect.PIXELS,
        aspect_ratios=("3:2",),
        max_inputs=2,
        image_sentence="Draw.",
        model="vendor/m-2",
        route=None,
        edit_route=Route.EDITS,
        inputs=InputDialect.IMAGE_OBJECTS,
        sizes=("2K", "512"),
        base_size="2K",
        pixels={"1:1": "1024x1024", "3:2": "1536x1024"},
        input_side=1024,
        input_bytes=1024 * 1024,
        mask=True,
        stream=True,
        keep=Keep.LAST,
        retry_sentence="Do draw.",
        extra={"quality": "high", "seed": 7, "strength": 0.5, "watermark": False},
        aliases=("em",),
        retires=date(2027, 3, 15),
        hidden=True,
    )


@pytest.mark.parametrize("label", ["M" * 64, "狐狸 🦊", "👩\u200d🎨 Painter", "می\u200cکشد"])
def test_a_label_is_whatever_can_be_printed(label: str) -> None:
    assert profile(GOOD.replace('"M"', f'"{label}"')).label == label


def test_strips_up_to_21_to_1_and_names_that_only_begin_like_flags_are_legal() -> None:
    ratios = 'ratio_dialect = "extra_body"\naspect_ratios = ["1:8", "8:1", "21:9", "21:1", "1:21"]'
    assert len(profile(GOOD + ratios).aspect_ratios) == 5
    names = ("4o", "x-large", "xl", "sd3", "3", "2K-model")
    aliases = ", ".join(f'"{name}"' for name in names)
    assert profile(f"{GOOD}aliases = [{aliases}]").aliases == names


def test_the_ratios_of_pixels_need_not_be_said_twice() -> None:
    assert profile(PIXELS).aspect_ratios == ("16:9", "1:1")


def test_modalities_and_dialects_of_chat_are_read() -> None:
    text = 'modalities = "image_text"\nratio_dialect = "image_config"\naspect_ratios = ["16:9"]'
    found = profile(CHAT + text)
    assert (found.modalities, found.ratio_dialect) == (
        Modalities.IMAGE_TEXT,
        RatioDialect.IMAGE_CONFIG,
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (GOOD.replace('"m"', '""'), "id"),
        (GOOD.replace('"m"', f'"{"m" * 49}"'), "id"),
        (GOOD.replace('"m"', '"two words"'), "id"),
        (GOOD.replace('"m"', "7"), "id"),
        (GOOD.replace('"M"', '" "'), "label"),
        (GOOD.replace('label = "M"', ""), "label"),
        (GOOD.replace('"M"', f'"{"M" * 65}"'), "label"),
        (GOOD.replace('"M"', '"M\\nM"'), "label"),
        (GOOD.replace('"M"', '"M\\u202EM"'), "label"),
        (GOOD.replace('"M"', '"M\\u2066M"'), "label"),
        (GOOD.replace('"M"', '"M\\u2028M"'), "label"),
        (GOOD + 'model = ""', "model"),
        (GOOD + 'gateway = "other"', "gateway"),
        (GOOD + "gateway = 1", "gateway"),
        (GOOD + 'route = "images/edits"', "route"),
        (GOOD + 'route = "images/variations"', "route"),
        (GOOD + 'route = "elsewhere"', "route"),
        (GOOD + 'route = "none"', "route"),
        (GOOD + 'edit_route = "elsewhere"\nmax_inputs = 1', "edit_route"),
        (CHAT.replace("max_inputs = 3", ""), "max_inputs"),
        (CHAT.replace("3", "0"), "max_inputs"),
        (CHAT.replace("3", "101"), "max_inputs"),
        (CHAT.replace("3", "true"), "max_inputs"),
        (GOOD + "max_inputs = 3", "max_inputs"),
        (CHAT.replace("chat/completions", "images/variations"), "max_inputs"),
        (CHAT + 'inputs = "multipart"', "inputs"),
        (CHAT + 'inputs = "image"', "inputs"),
        (EDITS + 'inputs = "parts"', "inputs"),
        (EDITS + 'inputs = "references"', "inputs"),
        (EDITS + 'inputs = "letters"', "inputs"),
        (GOOD + "input_side = 10", "input_side"),
        (GOOD + "input_side = 2048.0", "input_side"),
        (GOOD + "input_bytes = 1", "input_bytes"),
        (CHAT + "mask = true", "mask"),
        (EDITS + 'mask = true\ninputs = "image"', "mask"),
        (EDITS + 'mask = "yes"', "mask"),
        (GOOD + 'modalities = "text"', "modalities"),
        (DRAWS + 'modalities = "image"', "modalities"),
        (GOOD + 'ratio_dialect = "other"', "ratio_dialect"),
        (GOOD + 'ratio_dialect = "ratio"\naspect_ratios = ["1:1"]', "ratio_dialect"),
        (DRAWS + 'ratio_dialect = "extra_body"\naspect_ratios = ["1:1"]', "ratio_dialect"),
        (
            EDITS.replace("generations", "x").replace("images/x", "chat/completions")
            + 'ratio_dialect = "image_config"\naspect_ratios = ["1:1"]',
            "ratio_dialect",
        ),
        (GOOD + 'ratio_dialect = "extra_body"', "aspect_ratios"),
        (GOOD + 'aspect_ratios = ["1:1"]', "aspect_ratios"),
        (GOOD + 'ratio_dialect = "extra_body"\naspect_ratios = ["wide"]', "aspect_ratios"),
        (GOOD + 'ratio_dialect = "extra_body"\naspect_ratios = "1:1"', "aspect_ratios"),
        (GOOD + 'ratio_dialect = "extra_body"\naspect_ratios = ["1:1", "1:1"]', "aspect_ratios"),
        (GOOD + 'ratio_dialect = "extra_body"\naspect_ratios = ["99:1"]', "aspect_ratios has 99:1"),
        (GOOD + 'ratio_dialect = "extra_body"\naspect_ratios = ["1:22"]', "aspect_ratios has 1:22"),
        (PIXELS.replace('"16:9" = "1344x768"', '"22:1" = "2200x100"'), "pixels.22:1"),
        (PIXELS + 'aspect_ratios = ["4:3"]', "aspect_ratios"),
        (GOOD + 'sizes = ["2K"]', "sizes"),
        (PIXELS + 'sizes = ["2k"]', "sizes"),
        (PIXELS + 'sizes = ["huge"]', "sizes"),
        (PIXELS + 'sizes = ["2K", "2K"]', "sizes"),
        (GOOD + 'base_size = "2K"', "base_size"),
        (PIXELS + 'base_size = "large"', "base_size"),
        (DRAWS + 'ratio_dialect = "pixels"', "pixels"),
        (DRAWS + 'pixels = { "1:1" = "1024x1024" }', "pixels"),
        (PIXELS.replace("1344x768", "768x1344"), "pixels.16:9"),
        (PIXELS.replace("1344x768", "1344*768"), "pixels.16:9"),
        (PIXELS.replace('"1344x768"', "1344"), "pixels.16:9"),
        (PIXELS.replace("16:9", "wide"), "pixels.wide"),
        (GOOD + 'stream = "no"', "stream"),
        (GOOD + 'keep = "first"', "keep"),
        (GOOD + "image_sentence = 1", "image_sentence"),
        (GOOD + "retry_sentence = true", "retry_sentence"),
        (GOOD + "extra = 1", "extra"),
        (EXTRA + 'model = "other"', "extra.model"),
        (EXTRA + "n = 4", "extra.n"),
        (EXTRA + "stream = true", "extra.stream"),
        (EXTRA + 'extra_body = "x"', "extra.extra_body"),
        (EXTRA + '"image[]" = "x"', "extra.image[]"),
        (PIXELS + '[model.extra]\nsize = "auto"', "extra.size"),
        (EXTRA + "list = [1]", "extra.list"),
        (EXTRA + "table.a = 1", "extra.table"),
        (EXTRA + "far = inf", "extra.far"),
        (EXTRA + "none = nan", "extra.none"),
        (EXTRA + f"many = {10**400}", "extra.many"),
        (EXTRA + "day = 2026-01-01", "extra.day"),
        (EXTRA + '"a\\"b" = 1', "extra."),
        (GOOD + 'aliases = ["two words"]', "aliases"),
        (GOOD + 'aliases = [""]', "aliases"),
        (GOOD + f'aliases = ["{"a" * 49}"]', "aliases"),
        (GOOD + 'aliases = ["a", "A"]', "aliases"),
        (GOOD + 'aliases = ["M"]', "aliases"),
        *(
            (GOOD + f'aliases = ["{word}"]', f"aliases has {word}, which is a flag")
            for word in ("--x", "-m", "x3", "X12", "16:9", "2K", "4k", "512")
        ),
        (GOOD + 'fallbacks = ["m"]', "fallbacks"),
        (GOOD + 'fallbacks = ["other"]', "fallbacks"),
        (GOOD + 'fallbacks = "other"', "fallbacks"),
        (GOOD + 'retires = "2027-03-15"', "retires"),
        (GOOD + "retires = 2027-03-15T00:00:00Z", "retires"),
        (GOOD + "offered = 1", "offered"),
        (GOOD + 'colour = "red"', "colour"),
        (GOOD.replace("label", "lable"), "label is missing"),
        (SIZED + 'credits = { "4K" = 2 }', "credits has 4K"),
        (SIZED + 'credits = { "2K" = 0 }', "credits.2K"),
        (SIZED + "credits = 2", "credits"),
        (SIZED + 'price = { currency = "USD", by_size = { "4K" = "1" } }', "price.by_size has 4K"),
        (SIZED + 'price = { currency = "USD", by_size = { "2K" = 1 } }', "price.by_size.2K"),
        (GOOD + "edits = true", "edits"),
        (GOOD + "price = 1", "price"),
        (PRICED.replace("USD", "usd"), "price.currency"),
        (PRICED.replace('"0.039"', "0.039"), "price.per_picture"),
        (PRICED.replace("0.039", "-1"), "price.per_picture"),
        (PRICED.replace("0.039", "0.0000001"), "price.per_picture"),
        (PRICED.replace('per_picture = "0.039"', ""), "price.currency"),
        (PRICED + 'per_pixel = "1"', "price.per_pixel"),
    ],
)
def test_a_wrong_field_is_told_in_one_line(text: str, field: str) -> None:
    line = complaint(text)
    assert line.startswith("models.toml: model ")
    assert f" {field}" in line
    assert "\n" not in line


def test_a_size_may_have_a_price_and_a_count_of_its_own() -> None:
    text = 'credits = { "2K" = 2 }\nprice = { currency = "USD", by_size = { "2K" = "0.24" } }'
    found = profile(SIZED + text)
    assert (found.charge("2K"), found.charge("1K")) == (2, 1)
    assert found.price == Price("USD", by_size={"2K": 240_000})
    assert (found.price.per_picture("2K"), found.price.per_picture(None)) == (240_000, None)


def test_a_field_of_the_ratio_may_be_extra_where_no_dialect_sends_it() -> None:
    assert profile(DRAWS + '[model.extra]\nsize = "auto"').extra == {"size": "auto"}


@given(st.decimals(0, 999_999_999, places=6))
def test_prices_become_whole_micros_exactly(amount: Decimal) -> None:
    price = profile(PRICED.replace("0.039", f"{amount:f}")).price
    assert price == Price("USD", per_picture_micros=int(amount * 1_000_000))


FIELDS = sorted({field.name for field in fields(Profile)} - {"id", "hidden"} | {"offered"})
VALUES = st.recursive(
    st.one_of(st.text(), st.integers(), st.floats(), st.booleans(), st.sampled_from(list(Route))),
    lambda inner: st.lists(inner, max_size=3),
)


@given(st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=5), VALUES, max_size=4))
def test_whatever_is_written_is_read_or_told_in_one_line(values: dict[str, object]) -> None:
    entry = {"label": "M", **values}
    lines = [f"{json.dumps(name)} = {json.dumps(value)}" for name, value in entry.items()]
    text = "\n".join(["[[model]]", 'id = "m"', *lines])
    with contextlib.suppress(ConfigError):
        parse_catalogue(text, "models.toml")
        return
    assert "\n" not in complaint(text)


def test_a_retired_model_is_not_offered_from_its_day_on() -> None:
    found = profile(GOOD + "retires = 2027-03-15")
    assert found.offered(date(2027, 3, 14))
    assert not found.offered(date(2027, 3, 15))


def test_a_hidden_model_is_never_offered() -> None:
    assert not profile(GOOD + "offered = false").offered(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("text", "inputs", "mask", "expected"),
    [
        (GOOD, 0, False, True),
        (GOOD, 1, False, False),
        (CHAT, 3, False, True),
        (CHAT, 4, False, False),
        (CHAT, 1, True, False),
        (EDITS + "mask = true", 1, True, True),
        (EDITS + "mask = true", 0, False, True),
        (EDITS.replace("images/generations", "none"), 0, False, False),
    ],
)
def test_what_a_model_takes_is_what_it_declares(
    text: str,
    inputs: int,
    mask: bool,  # noqa: FBT001 - a column of the table
    expected: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert profile(text).takes(inputs, mask=mask) is expected
