"""What a call consumed and cost: by the gateway's own word, else by the price table."""

from __future__ import annotations

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from http import HTTPStatus

from bot.catalogue.profiles import Price
from bot.domain import Cost, CostSource, OutcomeKind, Usage

_MILLION = 1_000_000


_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


def unless_free(usage: Usage, kind: OutcomeKind, status: int | None) -> Usage:
    """Say of a call that was never sent, or refused for its key, that it cost nothing."""
    unsent = kind is OutcomeKind.UNAVAILABLE and status is None
    refused = status in _REFUSED and kind is not OutcomeKind.REFUSED
    if usage.cost.micros is None and (unsent or refused):
        return replace(usage, cost=Cost(0, source=CostSource.FREE))
    return usage


def compute_usage(
    tokens: Usage,
    reported: Decimal | None,
    header: Decimal | None,
    price: Price | None,
    pictures: int,
    size: str | None = None,
) -> Usage:
    """Add to what was counted what it cost.

    `reported` stands in the answer, `header` is what LiteLLM writes into
    `x-litellm-response-cost`; gateways that report money report US dollars (OpenRouter's credits
    are dollars). `pictures` counts what was drawn, at the `size` that was asked for.
    """
    if reported is not None:
        cost = Cost(_micros(reported), source=CostSource.REPORTED)
    elif header is not None:
        cost = Cost(_micros(header), source=CostSource.HEADER)
    else:
        cost = _priced(tokens, price, pictures, size)
    return replace(tokens, cost=cost)


def _priced(tokens: Usage, price: Price | None, pictures: int, size: str | None) -> Cost:
    output = _output(tokens, price, pictures, size) if price else None
    if price is None or output is None:
        return Cost()
    total = output + (tokens.tokens_in or 0) * (price.input_per_million_micros or 0)
    return Cost((total + _MILLION // 2) // _MILLION, price.currency, CostSource.PRICE_TABLE)


def _output(tokens: Usage, price: Price, pictures: int, size: str | None) -> int | None:
    """Price what came out, in millionths of a micro-unit; None if the table cannot tell.

    Image tokens are the finest measure. A price per picture says nothing about an answer without
    one, which gateways charge nevertheless.
    """
    words = price.output_per_million_micros
    images = price.image_output_per_million_micros
    if tokens.tokens_image and images is not None:
        others = max((tokens.tokens_out or 0) - tokens.tokens_image, 0)
        return tokens.tokens_image * images + others * (words or 0)
    if pictures and (per_picture := price.per_picture(size)) is not None:
        return pictures * per_picture * _MILLION
    rate = images if pictures and images is not None else words
    return tokens.tokens_out * rate if tokens.tokens_out and rate is not None else None


def _micros(amount: Decimal) -> int:
    return int((amount * _MILLION).quantize(Decimal(1), rounding=ROUND_HALF_UP))
