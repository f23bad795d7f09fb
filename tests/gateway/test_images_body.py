"""The JSON body of the images routes: its fields, and pictures in each dialect."""

from __future__ import annotations

from typing import Any

import pytest

from bot.catalogue.profiles import InputDialect, RatioDialect, Route
from bot.gateway.request import build_body
from tests.gateway.requests import document, image_request, picture

ONE, TWO = b"one", b"two!"
URL_ONE, URL_TWO = "data:image/png;base64,b25l", "data:image/png;base64,dHdvIQ=="


async def test_a_prompt_is_all_that_is_needed() -> None:
    assert await document(image_request(route=Route.GENERATIONS)) == {
        "model": "painter-1",
        "prompt": "A cat",
        "n": 1,
    }


async def test_everything_that_can_be_wished_is_in_it() -> None:
    found = await document(
        image_request(
            route=Route.GENERATIONS,
            model="vendor/painter",
            stream=True,
            ratio_dialect=RatioDialect.RATIO,
            aspect_ratios=("16:9",),
            sizes=("2K",),
            aspect_ratio="16:9",
            size="2K",
            extra=(("response_format", "b64_json"),),
            image_sentence="Draw.",
            retry_sentence="Do draw.",
            insist=True,
        )
    )
    assert found == {
        "model": "vendor/painter",
        "prompt": "A cat Draw. Do draw.",
        "n": 1,
        "stream": True,
        "aspect_ratio": "16:9",
        "resolution": "2K",
        "response_format": "b64_json",
    }


@pytest.mark.parametrize(
    ("dialect", "pictures", "expected"),
    [
        (InputDialect.IMAGE, (ONE,), {"image": URL_ONE}),
        (InputDialect.IMAGE, (ONE, TWO), {"image": [URL_ONE, URL_TWO]}),
        (InputDialect.IMAGE_OBJECTS, (ONE,), {"image": {"url": URL_ONE}}),
        (
            InputDialect.IMAGE_OBJECTS,
            (ONE, TWO),
            {"images": [{"url": URL_ONE}, {"url": URL_TWO}]},
        ),
        (
            InputDialect.REFERENCES,
            (ONE,),
            {"input_references": [{"type": "image_url", "image_url": {"url": URL_ONE}}]},
        ),
        (
            InputDialect.REFERENCES,
            (ONE, TWO),
            {
                "input_references": [
                    {"type": "image_url", "image_url": {"url": URL_ONE}},
                    {"type": "image_url", "image_url": {"url": URL_TWO}},
                ]
            },
        ),
    ],
)
async def test_each_dialect_sends_pictures_its_own_way(
    dialect: InputDialect, pictures: tuple[bytes, ...], expected: dict[str, Any]
) -> None:
    what = image_request(
        edit_route=Route.GENERATIONS, inputs=dialect, pictures=tuple(map(picture, pictures))
    )
    assert await document(what, *pictures) == {
        "model": "painter-1",
        "prompt": "A cat",
        "n": 1,
        **expected,
    }


async def test_xai_is_sent_the_mask_as_an_object() -> None:
    what = image_request(
        edit_route=Route.EDITS,
        inputs=InputDialect.IMAGE_OBJECTS,
        mask=True,
        pictures=(picture(ONE),),
        cover=picture(TWO),
    )
    found = await document(what, ONE, TWO)
    assert (found["image"], found["mask"]) == ({"url": URL_ONE}, {"url": URL_TWO})
    assert build_body(what).route == "images/edits"


def test_openrouters_own_route_is_asked_by_its_name() -> None:
    body = build_body(image_request(route=Route.IMAGES))
    assert (body.route, body.content_type) == ("images", "application/json")
