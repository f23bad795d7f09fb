"""What an operator's command decides, once, to however many processes Telegram has brought it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial

from bot.domain import BotError, Prompt
from bot.storage.transaction import Transaction

Claim = Callable[[Transaction, datetime], None]

_command: ContextVar[str] = ContextVar("command", default="")


class Repeated(BotError):
    """What this very command decides has been written before: there is nothing to say."""


@contextmanager
def once(command: Prompt) -> Iterator[None]:
    """Carry a command out in the block, which ends in silence where that was done before."""
    token = _command.set(f"command:{command.chat_id}:{command.message_id}")
    try:
        yield
    except Repeated:
        pass
    finally:
        _command.reset(token)


def claim() -> Claim:
    """Give what each transaction begins with that decides something: it raises Repeated.

    Without effect where no command is being carried out, as from the web.
    """
    return partial(_claim, _command.get())


def _claim(key: str, tx: Transaction, at: datetime) -> None:
    if key and not tx.keys.add(key, at):
        raise Repeated
