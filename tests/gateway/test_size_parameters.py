"""Ratio and size in each dialect: what exactly is sent."""

from __future__ import annotations

from typing import Any

import pytest

from bot.catalogue.profiles import RatioDialect, Route
from bot.gateway.request import size_instruction, size_parameters
from tests.gateway.requests import image_request

DIALECT = RatioDialect
PIXELS = (("1:1", "1024x1024"), ("16:9", "1344x768"))


def wish(dialect: RatioDialect, ratio: str | None, size: str | None) -> dict[str, Any]:
    return size_parameters(
        image_request(
            ratio_dialect=dialect,
            aspect_ratios=("1:1", "16:9", "4:3"),
            sizes=("512", "1K", "2K"),
            pixels=PIXELS,
            route=Route.GENERATIONS,
            aspect_ratio=ratio,
            size=size,
        )
    )


@pytest.mark.parametrize(
    ("dialect", "ratio", "size", "expected"),
    [
        (DIALECT.NONE, "16:9", "2K", {}),
        (DIALECT.IMAGE_CONFIG, None, None, {}),
        (DIALECT.IMAGE_CONFIG, "16:9", None, {"image_config": {"aspect_ratio": "16:9"}}),
        (DIALECT.IMAGE_CONFIG, None, "2K", {"image_config": {"image_size": "2K"}}),
        (
            DIALECT.IMAGE_CONFIG,
            "16:9",
            "512",
            {"image_config": {"aspect_ratio": "16:9", "image_size": "512"}},
        ),
        (DIALECT.EXTRA_BODY, None, None, {}),
        (
            DIALECT.EXTRA_BODY,
            "16:9",
            "2K",
            {
                "extra_body": {
                    "google": {"image_config": {"aspect_ratio": "16:9", "image_size": "2K"}}
                }
            },
        ),
        (DIALECT.SYSTEM_MESSAGE, "16:9", "2K", {}),
        (DIALECT.PIXELS, None, None, {}),
        (DIALECT.PIXELS, "16:9", None, {"size": "1344x768"}),
        (DIALECT.PIXELS, "16:9", "1K", {"size": "1344x768"}),
        (DIALECT.PIXELS, "16:9", "2K", {"size": "2688x1536"}),
        (DIALECT.PIXELS, "16:9", "512", {"size": "672x384"}),
        (DIALECT.PIXELS, None, "2K", {"size": "2048x2048"}),
        (DIALECT.PIXELS, "4:3", None, {}),
        (DIALECT.RATIO, None, None, {}),
        (DIALECT.RATIO, "16:9", None, {"aspect_ratio": "16:9"}),
        (DIALECT.RATIO, "16:9", "2K", {"aspect_ratio": "16:9", "resolution": "2K"}),
        (DIALECT.RATIO_LOWER, "16:9", "2K", {"aspect_ratio": "16:9", "resolution": "2k"}),
        (DIALECT.RATIO_LOWER, None, "1K", {"resolution": "1k"}),
    ],
)
def test_each_dialect_tells_it_its_own_way(
    dialect: RatioDialect, ratio: str | None, size: str | None, expected: dict[str, object]
) -> None:
    assert expected == wish(dialect, ratio, size)


@pytest.mark.parametrize("dialect", list(RatioDialect))
def test_what_the_model_does_not_declare_is_not_sent(dialect: RatioDialect) -> None:
    assert wish(dialect, "21:9", "8K") == {}


@pytest.mark.parametrize(("size", "expected"), [("1K", "1280x720"), ("4K", "5120x2880")])
def test_sizes_are_multiples_of_the_base(size: str, expected: str) -> None:
    what = image_request(
        ratio_dialect=DIALECT.PIXELS,
        pixels=(("16:9", "2560x1440"),),
        aspect_ratios=("16:9",),
        sizes=("1K", "4K"),
        base_size="2K",
        aspect_ratio="16:9",
        size=size,
    )
    assert size_parameters(what) == {"size": expected}


@pytest.mark.parametrize(
    ("ratio", "size", "expected"),
    [
        (None, None, ""),
        ("16:9", None, "aspect_ratio=16:9"),
        (None, "2K", "image_size=2K"),
        ("16:9", "2K", "aspect_ratio=16:9\nimage_size=2K"),
        ("21:9", "8K", ""),
    ],
)
def test_aihubmix_is_told_in_words(ratio: str | None, size: str | None, expected: str) -> None:
    what = image_request(
        ratio_dialect=DIALECT.SYSTEM_MESSAGE,
        aspect_ratios=("16:9",),
        sizes=("2K",),
        aspect_ratio=ratio,
        size=size,
    )
    assert expected == size_instruction(what)


def test_nobody_else_is_told_in_words() -> None:
    what = image_request(ratio_dialect=DIALECT.RATIO, aspect_ratios=("1:1",), aspect_ratio="1:1")
    assert size_instruction(what) == ""
