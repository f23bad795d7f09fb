"""Cost: reported, by header, by table, or unknown; exact to the micro-unit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from operator import mul

from hypothesis import given
from hypothesis import strategies as st

from bot.catalogue.profiles import Price
from bot.domain import Cost, CostSource, Usage
from bot.gateway.cost import compute_usage

FLASH = Price("USD", 39_000, 300_000, None, 30_000_000)
TOKENS = Usage(tokens_in=9, tokens_out=1299, tokens_image=1290)


def test_the_gateways_word_comes_first() -> None:
    tokens, reported = Usage(tokens_image=1290), Decimal("0.0390001")
    assert compute_usage(tokens, reported, Decimal(1), FLASH, 1).cost == Cost(
        39_000, "USD", CostSource.REPORTED
    )


def test_the_header_comes_second() -> None:
    assert compute_usage(TOKENS, None, Decimal("2.5e-7"), FLASH, 1).cost == Cost(
        0, "USD", CostSource.HEADER
    )


def test_image_tokens_are_priced_by_the_table() -> None:
    cost = compute_usage(TOKENS, None, None, FLASH, 1).cost
    assert cost == Cost(
        (9 * 300_000 + 1290 * 30_000_000 + 500_000) // 1_000_000, "USD", CostSource.PRICE_TABLE
    )


def test_without_image_tokens_pictures_are_priced() -> None:
    assert compute_usage(Usage(), None, None, FLASH, 2).cost == Cost(
        78_000, "USD", CostSource.PRICE_TABLE
    )


def test_words_are_priced_where_nothing_was_drawn() -> None:
    price = Price("EUR", 39_000, 1_000_000, 2_000_000, None)
    cost = compute_usage(Usage(tokens_in=10, tokens_out=5), None, None, price, 0).cost
    assert cost == Cost(20, "EUR", CostSource.PRICE_TABLE)


def test_a_price_per_picture_says_nothing_where_nothing_was_drawn() -> None:
    assert compute_usage(Usage(), None, None, Price("USD", 39_000), 0).cost == Cost()


def test_no_price_is_an_unknown_cost() -> None:
    assert compute_usage(TOKENS, None, None, None, 1).cost == Cost()


amounts = st.tuples(*[st.integers(0, 10**12)] * 3)


@given(tokens=st.tuples(*[st.integers(1, 1 << 30)] * 3), rates=amounts)
def test_the_table_is_exact_and_rounded_once(
    tokens: tuple[int, int, int], rates: tuple[int, int, int]
) -> None:
    into, words, image = tokens
    counts = Usage(into, words + image, image)
    exact = Fraction(sum(map(mul, tokens, rates)), 10**6)
    micros = compute_usage(counts, None, None, Price("USD", None, *rates), 1).cost.micros
    assert micros is not None
    assert abs(micros - exact) <= Fraction(1, 2)


@given(st.decimals(0, 10**5, allow_nan=False, allow_infinity=False, places=9))
def test_reported_money_is_rounded_to_the_nearest_micro_unit(amount: Decimal) -> None:
    micros = compute_usage(Usage(), amount, None, None, 0).cost.micros
    assert micros is not None
    assert abs(Fraction(micros, 10**6) - Fraction(amount)) <= Fraction(1, 2 * 10**6)
