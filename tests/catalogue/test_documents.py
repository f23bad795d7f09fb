"""What is written about the catalogue: its examples load, its tables know every field."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from bot.catalogue.load import load_catalogue, parse_catalogue
from bot.catalogue.profiles import GatewayProfile, InputDialect, Profile, RatioDialect, Route

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "models.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```toml\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
FILES = sorted((DOCS / "catalogues").glob("*.toml"))


def test_there_is_an_example_for_a_model_and_one_for_a_gateway() -> None:
    assert len(EXAMPLES) == 2


def test_the_example_of_a_model_does_what_it_says() -> None:
    known = parse_catalogue(EXAMPLES[0], "example.toml", load_catalogue())
    added, hidden, replaced = (known.get(i) for i in ("seedream-4.5", "stable-diffusion", "flux"))
    assert added is not None
    assert added == known.find("seedream")
    assert [other.id for other in known.fallbacks(added)] == ["seedream-4.0"]
    assert hidden is not None
    assert hidden.hidden
    assert replaced is not None
    assert (replaced.label, replaced.name) == ("FLUX 1.1 Pro", "flux-pro-1.1")


def test_the_example_of_a_gateway_does_what_it_says() -> None:
    known = parse_catalogue(EXAMPLES[1], "example.toml", load_catalogue())
    xai = GatewayProfile("xai", "https://api.x.ai/v1", "XAI_API_KEY", timeout=180.0)
    assert known.gateways["xai"] == xai
    found = known.find("grok")
    assert found is not None
    assert (found.id, found.gateway) == ("xai/grok-imagine", "xai")


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_file_to_copy_from_loads_beside_the_shipped_one(file: Path) -> None:
    known = load_catalogue(file)
    own = [profile for profile in known if profile.gateway == file.stem]
    assert own
    assert known.gateways[file.stem].key
    assert len(known) == len(load_catalogue()) + len(own)


def test_all_files_to_copy_from_are_linked() -> None:
    linked = re.findall(r"\(catalogues/(.*?)\)", GUIDE)
    assert sorted(linked) == [file.name for file in FILES]


def test_the_tables_know_every_field() -> None:
    cells = re.findall(r"^\| (`.*?) \|", GUIDE, re.MULTILINE)
    named = {word for cell in cells for word in re.findall(r"`(.*?)`", cell)}
    own = {field.name for kind in (Profile, GatewayProfile) for field in fields(kind)}
    assert own - named == {"name", "hidden"}
    assert set(InputDialect) | set(RatioDialect) <= named | {"none"}
    assert all(f"`{route}`" in GUIDE for route in Route)
