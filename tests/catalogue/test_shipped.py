"""What is shipped: every image entry of the gateway's page, as its maker documents it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bot.catalogue.load import load_catalogue
from bot.catalogue.profiles import MAIN, GatewayProfile, Modalities, Price, RatioDialect, Route

SHIPPED = Path(__file__).parents[2] / "bot" / "catalogue" / "models.toml"
PAGE = {
    "gemini-2.5-flash-image",
    "gemini-2.0-flash-preview-image-generation",
    "gemini-3-pro-image",
    "gemini-3.1-flash-image",
    "gpt-image-1",
    "gpt-image-1-mini",
    "gpt-image-1.5",
    "gpt-image-2",
    "gpt-image-2.5",
    "gpt-image-2.6",
    "dall-e-2",
    "dall-e-3",
    "imagen-4",
    "seedream-4.0",
    "grok-imagine-image",
    "qwen-image",
    "qwen-image-edit",
    "flux",
    "flux-kontext-pro",
    "stable-diffusion",
    "ideogram",
    "recraftv3",
    "gpt-4o-image",
    "gpt-4-all",
}


def test_every_image_entry_of_the_page_is_there() -> None:
    assert {known.id for known in load_catalogue() if not known.hidden} == PAGE


def test_all_are_at_the_settings_gateway() -> None:
    assert load_catalogue().gateways == {MAIN: GatewayProfile(MAIN)}


def test_the_first_is_what_the_page_documents() -> None:
    first = next(iter(load_catalogue()))
    assert first.id == "gemini-2.5-flash-image"
    assert first.modalities is Modalities.TEXT_IMAGE
    assert first.ratio_dialect is RatioDialect.EXTRA_BODY
    assert first.image_sentence == "Output an image."
    assert first.price == Price("USD", 39_000, 300_000, None, 30_000_000)


def test_what_is_shut_down_is_no_longer_offered() -> None:
    today = date(2026, 11, 30)
    gone = {known.id for known in load_catalogue() if not known.hidden and not known.offered(today)}
    assert gone == {
        "dall-e-2",
        "dall-e-3",
        "gemini-2.0-flash-preview-image-generation",
        "gemini-2.5-flash-image",
        "gpt-image-1",
        "imagen-4",
    }


def test_what_retires_has_an_heir_that_is_offered_and_can_do_as_much() -> None:
    known = load_catalogue()
    for retiring in known:
        if retiring.retires is None or retiring.route is None:
            continue
        heir, *_ = known.fallbacks(retiring, date(2026, 12, 31))
        assert heir.takes(0)
        assert heir.max_inputs >= retiring.max_inputs
        assert heir.mask >= retiring.mask


def test_one_model_under_two_ids_retires_on_one_day() -> None:
    days: dict[str, set[date | None]] = {}
    for known in load_catalogue():
        days.setdefault(known.name, set()).add(known.retires)
    assert all(len(found) == 1 for found in days.values())


def test_every_id_and_every_label_is_another() -> None:
    assert len({known.label for known in load_catalogue()}) == len(load_catalogue())


@pytest.mark.parametrize("word", ["flux", "banana", "gpt", "grok", "qwen", "seedream", "Imagen 4"])
def test_short_words_find_a_model(word: str) -> None:
    assert load_catalogue().find(word) is not None


def test_fallbacks_can_do_what_they_stand_in_for() -> None:
    for known in load_catalogue():
        for other in load_catalogue().fallbacks(known):
            assert other.takes(0)
            assert other.max_inputs >= min(known.max_inputs, 10)


@pytest.mark.parametrize("model", ["gpt-image-2", "gpt-image-2.5", "gpt-image-2.6"])
def test_sizes_of_gpt_image_2_keep_openais_limits(model: str) -> None:
    known = load_catalogue().get(model)
    assert known is not None
    for size in known.pixels.values():
        for factor in (1, 2):
            width, height = (int(side) * factor for side in size.split("x"))
            assert width % 16 == height % 16 == 0
            assert max(width, height) <= min(3840, 3 * min(width, height))
            assert 655_360 <= width * height <= 8_294_400


def test_sizes_of_seedream_keep_its_makers_limits() -> None:
    known = load_catalogue().get("seedream-4.0")
    assert known is not None
    for size in known.pixels.values():
        for factor in (0.5, 1, 2):
            width, height = (int(side) * factor for side in size.split("x"))
            assert 1280 * 720 <= width * height <= 4096 * 4096


def test_a_model_that_needs_a_picture_draws_nothing_from_words() -> None:
    assert {known.id for known in load_catalogue() if known.route is None} == {
        "qwen-image-edit",
        "dall-e-2",
    }


def test_variations_are_of_one_picture() -> None:
    known = load_catalogue().get("dall-e-2")
    assert known is not None
    assert (known.edit_route, known.max_inputs) == (Route.VARIATIONS, 1)


def test_the_comment_on_top_documents_every_field() -> None:
    text = SHIPPED.read_text(encoding="utf-8").partition("\n[[model]]")[0]
    words = set(text.replace("[", " ").replace("]", " ").replace("model.", " ").split())
    fields = {
        name for name in type(next(iter(load_catalogue()))).__dataclass_fields__ if name != "hidden"
    }
    assert fields - words == set()
