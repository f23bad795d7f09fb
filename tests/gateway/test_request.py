"""Encoding: which route a request goes to, and every shipped model in all that it declares."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import load_catalogue
from bot.catalogue.profiles import InputDialect, Profile, Route
from bot.gateway.request import ImageRequest, build_body
from tests.gateway.requests import document, image_request, picture, read_form, sent

ROOT = Path(__file__).parents[2]
PICTURES = tuple(bytes([number]) * (number + 1) for number in range(16))
MASK = b"mask"


def every_profile() -> list[tuple[str, Profile]]:
    files = [None, *sorted((ROOT / "docs" / "catalogues").glob("*.toml"))]
    found = {
        (file.stem if file else "shipped", profile.id): profile
        for file in files
        for profile in load_catalogue(file)
        if file is None or load_catalogue().get(profile.id) != profile
    }
    return [(f"{name}/{model}", profile) for (name, model), profile in found.items()]


PROFILES = every_profile()


def requests_of(profile: Profile) -> list[ImageRequest]:
    counts = [count for count in (0, 1, profile.max_inputs) if profile.takes(count)]
    shapes = product((None, *profile.aspect_ratios), (None, *profile.sizes))
    wishes = list(product(sorted(set(counts)), shapes, (False, True)))
    return [
        ImageRequest(
            'A "cat"\r\n\U0001f63a',
            profile,
            tuple(map(picture, PICTURES[:count])),
            ratio,
            size,
            picture(MASK) if count and profile.mask else None,
            insist=insist,
        )
        for count, (ratio, size), insist in wishes
    ]


async def check(what: ImageRequest) -> None:
    body, data = await sent(what, *PICTURES, MASK)
    assert body.length == len(data)
    assert body.route == what.route
    if body.content_type == "application/json":
        found = json.loads(data)
        assert found["model"] == what.profile.name
        assert data.count(b";base64,") == len(what.inputs) + (what.mask is not None)
        for value in what.profile.extra.values():
            assert value in found.values()
        return
    form = read_form(body, data)
    assert dict(form.texts)["model"] == what.profile.name
    expected = [*PICTURES[: len(what.inputs)], *([MASK] if what.mask else [])]
    assert expected == [content for _, _, content in form.files]


@pytest.mark.parametrize("profile", [known for _, known in PROFILES], ids=[n for n, _ in PROFILES])
async def test_every_model_can_be_asked_for_all_that_it_declares(profile: Profile) -> None:
    asked = requests_of(profile)
    assert asked
    for what in asked:
        await check(what)


@pytest.mark.parametrize("profile", [known for _, known in PROFILES], ids=[n for n, _ in PROFILES])
def test_every_ratio_makes_another_body(profile: Profile) -> None:
    inputs = () if profile.takes(0) else (picture(b"1"),)
    ratios = (None, *profile.aspect_ratios)
    wishes = [ImageRequest("A cat", profile, inputs, aspect_ratio=ratio) for ratio in ratios]
    bodies = [build_body(what, lambda: "limit").parts for what in wishes]
    assert len(set(bodies)) == len(ratios)


@pytest.mark.parametrize("profile", [known for _, known in PROFILES], ids=[n for n, _ in PROFILES])
def test_every_size_makes_another_body(profile: Profile) -> None:
    wishes = [ImageRequest("A cat", profile, size=size) for size in profile.sizes]
    assert len({build_body(what).parts for what in wishes}) == len(profile.sizes)


def test_pictures_go_to_the_edit_route_and_words_to_the_other() -> None:
    profile = load_catalogue().get("gpt-image-2")
    assert profile is not None
    assert ImageRequest("A cat", profile).route is Route.GENERATIONS
    assert ImageRequest("A cat", profile, (picture(b"1"),)).route is Route.EDITS


def test_a_model_without_the_route_is_not_asked() -> None:
    words, pictures = (
        image_request(route=None),
        image_request(edit_route=None, pictures=(picture(b"1"),)),
    )
    with pytest.raises(ValueError, match="painter-1 has no route for 0 pictures"):
        build_body(words)
    with pytest.raises(ValueError, match="painter-1 has no route for 1 pictures"):
        build_body(pictures)


@given(
    prompt=st.text(),
    pictures=st.lists(st.binary(max_size=3000), max_size=3),
    piece=st.integers(1, 4000),
)
async def test_a_chat_is_json_with_the_same_bytes_and_the_promised_length(
    prompt: str, pictures: list[bytes], piece: int
) -> None:
    what = image_request(prompt, pictures=tuple(map(picture, pictures)))
    body, data = await sent(what, *pictures, piece=piece)
    assert body.length == len(data)
    content = json.loads(data)["messages"][0]["content"]
    if not pictures:
        assert content == prompt
        return
    assert content[0] == {"type": "text", "text": prompt}
    urls = [part["image_url"]["url"] for part in content[1:]]
    head = "data:image/png;base64,"
    assert all(url.startswith(head) for url in urls)
    assert [pybase64.b64decode(url[len(head) :], validate=True) for url in urls] == pictures


@given(prompt=st.text(), data=st.binary(max_size=100))
async def test_a_prompt_of_an_images_route_comes_out_again(prompt: str, data: bytes) -> None:
    what = image_request(
        prompt,
        edit_route=Route.GENERATIONS,
        inputs=InputDialect.IMAGE,
        pictures=(picture(data),),
    )
    assert (await document(what, data))["prompt"] == prompt
