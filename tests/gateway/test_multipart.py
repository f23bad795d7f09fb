"""The form of images/edits and images/variations, to the byte and as another library reads it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.profiles import InputDialect, RatioDialect, Route
from bot.gateway.request import ImageRequest, build_body
from tests.gateway.requests import Form, image_request, picture, read_form, sent, written

ONE, TWO, MASK = b"\x89PNG one", b"\xff\xd8\xff two", b"\x89PNG mask"
MODEL = (("model", "painter-1"), ("n", "1"))


def edit(prompt: str = "A cat", **changes: Any) -> ImageRequest:  # noqa: ANN401 - fields of any type
    changes = {"edit_route": Route.EDITS, "pictures": (picture(ONE),)} | changes
    return image_request(prompt, inputs=InputDialect.MULTIPART, **changes)


async def form(what: ImageRequest, *pictures: bytes) -> Form:
    return read_form(*await sent(what, *pictures))


async def test_a_form_to_the_byte() -> None:
    what = edit(mask=True, cover=picture(MASK), extra=(("quality", "high"),))
    body = build_body(what, lambda: "limit")
    files = {picture(data).sha256: data for data in (ONE, MASK)}
    assert body.content_type == "multipart/form-data; boundary=limit"
    assert body.route == "images/edits"
    assert await written(body, files) == (
        b'--limit\r\nContent-Disposition: form-data; name="model"\r\n\r\npainter-1\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="prompt"\r\n\r\nA cat\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="quality"\r\n\r\nhigh\r\n'
        b'--limit\r\nContent-Disposition: form-data; name="image"; filename="image.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG one\r\n"
        b'--limit\r\nContent-Disposition: form-data; name="mask"; filename="mask.png"\r\n'
        b"Content-Type: image/png\r\n\r\n\x89PNG mask\r\n"
        b"--limit--\r\n"
    )


async def test_one_picture_is_called_image() -> None:
    expected = Form((*MODEL, ("prompt", "A cat")), (("image", "image.png", ONE),))
    assert expected == await form(edit(), ONE)


async def test_several_pictures_are_called_image_with_brackets() -> None:
    pictures = (picture(ONE), picture(TWO, "image/jpeg"), picture(b"RIFF", "image/webp"))
    assert (await form(edit(pictures=pictures), ONE, TWO, b"RIFF")).files == (
        ("image[]", "image.png", ONE),
        ("image[]", "image.jpg", TWO),
        ("image[]", "image.webp", b"RIFF"),
    )


async def test_a_mask_that_the_model_does_not_take_is_not_sent() -> None:
    assert [name for name, _, _ in (await form(edit(cover=picture(MASK)), ONE)).files] == ["image"]


async def test_ratio_size_stream_and_further_fields_are_texts() -> None:
    what = edit(
        stream=True,
        ratio_dialect=RatioDialect.RATIO_LOWER,
        aspect_ratios=("16:9",),
        sizes=("2K",),
        aspect_ratio="16:9",
        size="2K",
        extra=(("seed", 7), ("strength", 0.5), ("safe", False), ("style", "öl")),
        retry_sentence="Do draw.",
        insist=True,
    )
    assert dict((await form(what, ONE)).texts) == {
        "model": "painter-1",
        "n": "1",
        "prompt": "A cat Do draw.",
        "stream": "true",
        "aspect_ratio": "16:9",
        "resolution": "2k",
        "seed": "7",
        "strength": "0.5",
        "safe": "false",
        "style": "öl",
    }


async def test_a_variation_has_no_prompt() -> None:
    what = edit(edit_route=Route.VARIATIONS)
    assert build_body(what).route == "images/variations"
    assert (await form(what, ONE)).texts == MODEL


def test_no_two_forms_have_the_same_boundary() -> None:
    types = {build_body(edit()).content_type for _ in range(20)}
    assert len(types) == 20
    assert all(len(kind.partition("boundary=")[2]) <= 70 for kind in types)  # RFC 2046


@given(
    prompt=st.one_of(
        st.text(),
        st.sampled_from(
            ["\r\n--limit\r\n", '"; filename="x', "\r\n\r\n", "--limit--\r\n", "\0", "\u2028"]
        ),
    ),
    pictures=st.lists(st.binary(max_size=2000), min_size=1, max_size=3),
    piece=st.integers(1, 3000),
)
async def test_whatever_is_asked_comes_out_of_the_form_again(
    prompt: str, pictures: list[bytes], piece: int
) -> None:
    what = edit(prompt, pictures=tuple(map(picture, pictures)))
    found = read_form(*await sent(what, *pictures, piece=piece))
    assert found.texts == (*MODEL, ("prompt", prompt))
    assert [data for _, _, data in found.files] == pictures


@pytest.mark.parametrize("mime", ["image/png", "image/jpeg", "image/webp"])
async def test_every_kind_of_picture_has_its_own_ending(mime: str) -> None:
    what = edit(pictures=(picture(ONE, mime),))
    ending = {"image/png": "png", "image/jpeg": "jpg", "image/webp": "webp"}[mime]
    assert (await form(what, ONE)).files == (("image", f"image.{ending}", ONE),)
