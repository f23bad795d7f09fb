"""Contexts: what an answer says about its call."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Context:
    """What an answer says about its call: number, model, the length of what came, in tokens.

    `urls` are where the pictures can be fetched.
    """

    call: int
    model: str
    text_tokens: int
    image_tokens: int = 0
    urls: tuple[str, ...] = ()

    @property
    def prompt_tokens(self) -> int:
        return self.text_tokens + self.image_tokens

    @property
    def created(self) -> int:
        """Give the time that answers name, in seconds since 1970."""
        return 1_760_000_000 + self.call

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return (("X-Oneapi-Request-Id", f"sandbox-{self.call}"),)
