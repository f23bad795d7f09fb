"""Errands: paid calls beside the drawing, which better a prompt or write a voice down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrandKind(StrEnum):
    """What a model of words is asked for."""

    REWRITE = "rewrite"
    VOICE = "voice"


@dataclass(frozen=True, slots=True)
class Errand:
    """A call that is about to be made for a message: of which model, at which host."""

    kind: ErrandKind
    account_id: int
    chat_id: int
    message_id: int
    model: str
    host: str
