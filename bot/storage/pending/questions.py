"""Questions: pictures that wait for their prompt, and prompts that wait for a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter
from sqlalchemy import and_, bindparam, func, or_, select, update

from bot.domain import PendingPrompt
from bot.storage.kinds import PendingKind, PendingState
from bot.storage.pending.message import (
    CLOSED,
    IN_CHAT,
    LIVE,
    MESSAGE,
    MOST_LISTED,
    OTHER,
    OWN,
    RECENT,
    THIS,
    PendingRepository,
)
from bot.storage.tables import PENDING

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Executable

MOST_BEFORE = 20

_C = PENDING.c
_ASKS = _C.kind == PendingKind.ASK
_QUESTION = and_(IN_CHAT, _C.bot_message_id == bindparam("of_message"))
_WAITS_HERE = and_(
    OWN,
    IN_CHAT,
    func.coalesce(_C.thread_id, 0) == bindparam("of_thread"),
    _C.words == "",
    LIVE,
)


class PendingAsks(PendingRepository[PendingPrompt]):
    """Pictures that wait for their prompt, and prompts that wait for a model.

    Of those of an account in a chat and topic that wait for a prompt, the newest is open.
    """

    __slots__ = ()
    kind = PendingKind.ASK
    adapter = TypeAdapter(PendingPrompt)

    # What has its prompt waits for a button, not for the next message.
    _CLOSE_HERE = CLOSED.where(_ASKS, _WAITS_HERE)
    _CLOSE_OTHERS = _CLOSE_HERE.where(_C.message_id != bindparam("of_message"))

    def put(self, ask: PendingPrompt) -> bool:
        """Open a question and close the account's others there.

        False, and nothing has changed, if that message was asked about before: a repeated update.
        """
        if not self._add_ask(ask, PendingState.OPEN):
            return False
        here = _place(ask.account_id, ask.chat_id, ask.thread_id)
        self._run(self._CLOSE_OTHERS, of_message=ask.message_id, **here)
        return True

    def expect(self, ask: PendingPrompt) -> None:
        """Keep a request without pictures, which a reply to its question brings."""
        self._add_ask(ask, PendingState.CLOSED)

    def _add_ask(self, ask: PendingPrompt, state: PendingState) -> bool:
        columns = {"words": ask.prompt, "bot_message_id": ask.question_id}
        return self._add(ask, state, ask.asked_at, **columns)

    _WAITS = select(_C.message_id).where(_ASKS, _WAITS_HERE, RECENT).limit(1)

    def waits(
        self, account_id: int, chat_id: int, thread_id: int | None, not_before: datetime
    ) -> bool:
        """Whether the account's pictures wait for their prompt there."""
        here = _place(account_id, chat_id, thread_id)
        return self._any(self._WAITS, not_before=not_before, **here)

    _TAKE = _CLOSE_HERE.where(
        ~select(OTHER.c.message_id)
        .where(
            OTHER.c.kind == PendingKind.ASK,
            OTHER.c.chat_id == bindparam("of_chat"),
            OTHER.c.message_id == bindparam("by_message"),
        )
        .exists()
    ).returning(*_C)

    def take(
        self,
        account_id: int,
        chat_id: int,
        thread_id: int | None,
        not_before: datetime,
        *,
        by: int = 0,
    ) -> PendingPrompt | None:
        """Close the questions that a prompt may answer and return the newest.

        None if there is none that was asked since `not_before`, and for a repeated update: `by`,
        the prompt's message, was itself asked about before.
        """
        here = _place(account_id, chat_id, thread_id)
        asks = self._asks(self._TAKE, by_message=by, **here)
        recent = (ask for ask in asks if ask.asked_at >= not_before)
        return max(recent, key=lambda ask: (ask.asked_at, ask.message_id), default=None)

    _REPLIED = (
        select(PENDING)
        .where(_ASKS, or_(MESSAGE, _QUESTION), OWN, RECENT)
        .order_by(_C.at.desc(), _C.message_id.desc())
        .limit(1)
    )

    def replied(self, account_id: int, chat_id: int, message_id: int, not_before: datetime) -> bool:
        """Whether a message is one of the account's asks, or the question of one."""
        return bool(self._replied(account_id, chat_id, message_id, not_before))

    _CLOSE = CLOSED.where(THIS)

    def take_replied(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Close and return the account's question that a reply to this message answers.

        The message is the question or its pictures. A closed question is found again: each reply
        works on the same pictures.
        """
        for ask in self._replied(account_id, chat_id, message_id, not_before):
            self._run(self._CLOSE, **self._key(ask.chat_id, ask.message_id))
            return ask
        return None

    def _replied(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> list[PendingPrompt]:
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": message_id}
        return self._asks(self._REPLIED, not_before=not_before, **asked)

    _EXPECTING = (
        select(PENDING)
        .where(_ASKS, _QUESTION, OWN, RECENT, _C.words != "")
        .order_by(_C.at.desc(), _C.message_id.desc())
        .limit(1)
    )

    def expecting(
        self, account_id: int, chat_id: int, question_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Find the account's request that a reply to this question completes."""
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": question_id}
        found = self._asks(self._EXPECTING, not_before=not_before, **asked)
        return found[0] if found and not found[0].sources else None

    _GET_RECENT = select(PENDING).where(_ASKS, MESSAGE, RECENT)

    def get(self, chat_id: int, message_id: int, not_before: datetime) -> PendingPrompt | None:
        """Look up what was asked about a message, open or closed."""
        asked = {"of_chat": chat_id, "of_message": message_id, "not_before": not_before}
        return next(iter(self._asks(self._GET_RECENT, **asked)), None)

    _BEFORE = (
        select(PENDING)
        .where(_ASKS, OWN, IN_CHAT, _C.message_id < bindparam("of_message"), RECENT)
        .order_by(_C.message_id.desc())
        .limit(MOST_BEFORE)
    )

    def before(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> list[PendingPrompt]:
        """List the account's asks about earlier messages of a chat: the last MOST_BEFORE, open or not."""
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": message_id}
        return self._asks(self._BEFORE, not_before=not_before, **asked)

    _CHOOSE = CLOSED.where(_ASKS, MESSAGE, RECENT, LIVE).returning(_C.message_id)

    def choose(self, chat_id: int, message_id: int, not_before: datetime) -> bool:
        """Close the question about a message; False if it is not open: an answer came before."""
        return self._any(
            self._CHOOSE, of_chat=chat_id, of_message=message_id, not_before=not_before
        )

    _REOPEN = update(PENDING).where(THIS).values(state=PendingState.OPEN)
    _WORD = _REOPEN.values(words=bindparam("new_words"))

    def word(self, chat_id: int, message_id: int, prompt: str) -> None:
        """Give pictures that wait their words: then they wait for a model."""
        self._run(self._WORD, new_words=prompt, **self._key(chat_id, message_id))

    def reopen(self, chat_id: int, message_id: int) -> None:
        """Take the closing of a question back: what answered it was not accepted."""
        self._run(self._REOPEN, **self._key(chat_id, message_id))

    def questioned(self, chat_id: int, message_id: int, question_id: int) -> None:
        """Note which message of the bot's asks about the pictures in `message_id`."""
        self._run(self._NOTE, shown_in=question_id, **self._key(chat_id, message_id))

    _UNQUESTIONED = (
        select(PENDING)
        .where(_ASKS, LIVE, _C.bot_message_id.is_(None), RECENT)
        .order_by(_C.at)
        .limit(MOST_LISTED)
    )

    def unquestioned(self, since: datetime) -> list[PendingPrompt]:
        """List the open questions that were never sent, oldest first: MOST_LISTED at most."""
        return self._asks(self._UNQUESTIONED, not_before=since)

    def _asks(self, statement: Executable, /, **values: object) -> list[PendingPrompt]:
        return [
            self._load(row, prompt=row["words"], question_id=row["bot_message_id"])
            for row in self._run(statement, **values).mappings()
        ]


def _place(account_id: int, chat_id: int, thread_id: int | None) -> dict[str, int]:
    # No topic has the id 0: a place without topics is found by plain equality.
    return {"of_account": account_id, "of_chat": chat_id, "of_thread": thread_id or 0}
