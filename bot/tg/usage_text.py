"""What an account has used, in words that only operators read: with what it cost."""

from __future__ import annotations

from bot.domain import Period, Totals
from bot.i18n.texts import Texts


def spent(texts: Texts, locale: str, period: Period, totals: Totals) -> str:
    costs = [f"{micros / 1_000_000:.4f} {currency}" for currency, micros in totals.costs]
    if totals.unpriced_calls:
        costs.append(texts(locale, "usage.cost_unknown"))
    # Calls of unknown cost that brought no picture are nothing that anybody was charged for.
    charged = totals.costs or totals.pictures or not totals.unpriced_calls
    return texts(
        locale,
        f"usage.line.{period}" if charged else f"usage.none.{period}",
        n=totals.pictures,
        pictures=totals.pictures,
        tokens=totals.tokens_in + totals.tokens_out,
        cost=" + ".join(costs) or "0",
    )
