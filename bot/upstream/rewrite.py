"""Rewriting: a text model makes a prompt better, by `POST {url}/chat/completions`; words only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.domain import CallReport, Cost, CostSource, OutcomeKind, Usage
from bot.upstream.body import Body
from bot.upstream.document import mapping, mappings
from bot.upstream.errand import Unfulfilled
from bot.upstream.errors import plain

if TYPE_CHECKING:
    from decimal import Decimal

    from bot.upstream.errand import Errands

MOST_CHARACTERS = 1500
_DEMAND = (
    "You improve prompts for an image model. Answer with the improved prompt alone, in the language"
    " of the prompt, in at most 120 words: keep everything that is asked for, add what a picture"
    " needs (subject, setting, composition, light, style). No quotation marks, no explanations."
)
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Rewritten:
    """What came of it; `words` is None where the call failed, as its report says."""

    words: str | None
    report: CallReport


class Rewriter:
    """Betters prompts with one text model."""

    def __init__(self, errands: Errands, model: str) -> None:
        self._errands = errands
        self.model = model
        self.host = errands.host

    async def rewrite(self, prompt: str) -> Rewritten:
        """Ask for a better prompt, once."""
        came = await self._errands.run(_body(self.model, prompt))
        if isinstance(came, Unfulfilled):
            return Rewritten(None, came.report)
        choice = next(iter(mappings(came.fields.get("choices"))), {})
        content = mapping(choice.get("message")).get("content")
        usage = _usage(mapping(came.fields.get("usage")), came.cost)
        words = (
            plain(content, MOST_CHARACTERS).strip().strip('"“”').strip()
            if isinstance(content, str)
            else ""
        )
        if not words:
            return Rewritten(None, CallReport(OutcomeKind.EMPTY, usage))
        return Rewritten(words, CallReport(OutcomeKind.TEXT_ONLY, usage))


def _body(model: str, prompt: str) -> Body:
    messages = [{"role": "system", "content": _DEMAND}, {"role": "user", "content": prompt}]
    fields = {"model": model, "messages": messages, "stream": False}
    return Body((json.dumps(fields).encode(),))


def _usage(told: dict[str, object], header: Decimal | None) -> Usage:
    cost = Cost() if header is None else Cost(int(header * _MILLION), source=CostSource.HEADER)
    counts = [told.get(name) for name in ("prompt_tokens", "completion_tokens")]
    tokens = [count if type(count) is int and 0 <= count < 10**9 else None for count in counts]
    return Usage(tokens[0], tokens[1], cost=cost)
