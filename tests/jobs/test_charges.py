"""Charges: what a button says is what the changed request counts as."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.load import parse_catalogue
from bot.domain import Request
from bot.jobs.alternatives import AlternativeKind, Alternatives
from bot.jobs.options import ModelOptions
from tests.storage.rows import NOON

SIZES = ("1K", "2K", "4K")
COUNTS = st.dictionaries(st.sampled_from(SIZES), st.integers(1, 99))


def changes(credits_: dict[str, int]) -> Alternatives:
    table = ", ".join(f'"{size}" = {count}' for size, count in credits_.items())
    catalogue = parse_catalogue(
        'extends = false\n[[model]]\nid = "m"\nlabel = "M"\nratio_dialect = "image_config"\naspect_ratios = ["1:1"]\n'
        f'sizes = ["1K", "2K", "4K"]\ncredits = {{ {table} }}\n',
        "test",
    )
    (profile,) = catalogue
    return Alternatives(
        ModelOptions(catalogue=catalogue, default=profile, max_count=4, clock=lambda: NOON)
    )


@given(counts=COUNTS, at=st.none() | st.sampled_from(SIZES))
def test_a_button_says_what_the_changed_request_counts_as(
    counts: dict[str, int], at: str | None
) -> None:
    known = changes(counts)
    request = Request("a fox", "m", size=at)
    for variant in known.alternatives(request, AlternativeKind.SIZE):
        changed = known.changed(request, AlternativeKind.SIZE, variant.word)
        assert changed
        shown = known.options.charge(request) if variant.credits is None else variant.credits
        assert shown == known.options.charge(changed) == counts.get(variant.word, 1)
