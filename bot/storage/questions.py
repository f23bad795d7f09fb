"""Questions: pictures that wait for their prompt, and prompts that wait for a model."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import TypeAdapter
from sqlalchemy import and_, bindparam, func, or_, select, update

from bot.domain import PendingPrompt
from bot.storage.columns import PendingKind, PendingState
from bot.storage.pending import (
    CLOSED,
    IN_CHAT,
    LIVE,
    MESSAGE,
    MOST_LISTED,
    OTHER,
    OWN,
    THIS,
    PendingRepository,
    document,
)
from bot.storage.tables import PENDING

MOST_BEFORE = 20

_C = PENDING.c
_QUESTIONS = _C.kind == PendingKind.QUESTION
_RECENT = _C.at >= bindparam("not_before")
_ASKED_IN = and_(IN_CHAT, _C.bot_message_id == bindparam("of_message"))
_FOR_WORDS = and_(
    OWN,
    IN_CHAT,
    func.coalesce(_C.thread_id, 0) == bindparam("of_thread"),
    _C.words == "",
    LIVE,
)


class PendingQuestions(PendingRepository[PendingPrompt]):
    """Pictures that wait for their prompt, and prompts that wait for a model.

    Of those of an account in a chat and topic that wait for a prompt, the newest is open.
    """

    kind = PendingKind.QUESTION
    shape = TypeAdapter(PendingPrompt)
    columns: ClassVar = {"at": "asked_at", "words": "prompt", "bot_message_id": "question_id"}

    # What has its prompt waits for a button, not for the next message.
    _CLOSE_ALL = CLOSED.where(_QUESTIONS, _FOR_WORDS)
    _CLOSE_OTHERS = _CLOSE_ALL.where(_C.message_id != bindparam("of_message"))

    def put(self, prompt: PendingPrompt) -> bool:
        """Open a question and close the account's others there.

        False, and nothing has changed, if that message was asked about before: a repeated update.
        """
        if not self._add(prompt, PendingState.OPEN):
            return False
        place = _place(prompt.account_id, prompt.chat_id, prompt.thread_id)
        self._run(self._CLOSE_OTHERS, of_message=prompt.message_id, **place)
        return True

    def expect(self, prompt: PendingPrompt) -> None:
        """Keep a request without pictures, which a reply to its question brings."""
        self._add(prompt, PendingState.CLOSED)

    _WAITS = select(_C.message_id).where(_QUESTIONS, _FOR_WORDS, _RECENT).limit(1)

    def waits(
        self, account_id: int, chat_id: int, thread_id: int | None, not_before: datetime
    ) -> bool:
        """Whether the account's pictures wait for their prompt there."""
        place = _place(account_id, chat_id, thread_id)
        return self._any(self._WAITS, not_before=not_before, **place)

    _TAKE = _CLOSE_ALL.where(
        ~select(OTHER.c.message_id)
        .where(
            OTHER.c.kind == PendingKind.QUESTION,
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
        place = _place(account_id, chat_id, thread_id)
        closed = self._messages(self._TAKE, by_message=by, **place)
        recent = (one for one in closed if one.asked_at >= not_before)
        return max(recent, key=lambda one: (one.asked_at, one.message_id), default=None)

    _REPLIED = (
        select(PENDING)
        .where(_QUESTIONS, or_(MESSAGE, _ASKED_IN), OWN, _RECENT)
        .order_by(_C.at.desc(), _C.message_id.desc())
        .limit(1)
    )

    def replied(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Find the account's question that a reply to this message means: the question or its pictures.

        A closed question is found again: each reply works on the same pictures.
        """
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": message_id}
        return self._first(self._REPLIED, not_before=not_before, **asked)

    _CLOSE = CLOSED.where(THIS)

    def take_replied(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Close and return what `replied` finds."""
        found = self.replied(account_id, chat_id, message_id, not_before)
        if found:
            self._run(self._CLOSE, **self._key(found.chat_id, found.message_id))
        return found

    _EXPECTING = (
        select(PENDING)
        .where(_QUESTIONS, _ASKED_IN, OWN, _RECENT, _C.words != "")
        .order_by(_C.at.desc(), _C.message_id.desc())
        .limit(1)
    )

    def expecting(
        self, account_id: int, chat_id: int, question_id: int, not_before: datetime
    ) -> PendingPrompt | None:
        """Find the account's request that a reply to this question completes."""
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": question_id}
        found = self._first(self._EXPECTING, not_before=not_before, **asked)
        return found if found and not found.sources else None

    _GET_RECENT = select(PENDING).where(_QUESTIONS, MESSAGE, _RECENT)

    def get(self, chat_id: int, message_id: int, not_before: datetime) -> PendingPrompt | None:
        """Look up what was asked about a message, open or closed."""
        asked = {"of_chat": chat_id, "of_message": message_id, "not_before": not_before}
        return self._first(self._GET_RECENT, **asked)

    _BEFORE = (
        select(PENDING)
        .where(_QUESTIONS, OWN, IN_CHAT, _C.message_id < bindparam("of_message"), _RECENT)
        .order_by(_C.message_id.desc())
        .limit(MOST_BEFORE)
    )

    def before(
        self, account_id: int, chat_id: int, message_id: int, not_before: datetime
    ) -> list[PendingPrompt]:
        """List what an account was asked about earlier messages of a chat: the last MOST_BEFORE."""
        asked = {"of_account": account_id, "of_chat": chat_id, "of_message": message_id}
        return self._messages(self._BEFORE, not_before=not_before, **asked)

    _ANSWER = CLOSED.where(_QUESTIONS, MESSAGE, _RECENT, LIVE).returning(_C.message_id)

    def answer(self, chat_id: int, message_id: int, not_before: datetime) -> bool:
        """Close the question about a message; False if it is not open: an answer came before."""
        asked = {"of_chat": chat_id, "of_message": message_id, "not_before": not_before}
        return self._any(self._ANSWER, **asked)

    _REOPEN = update(PENDING).where(THIS).values(state=PendingState.OPEN)
    _SET_PROMPT = _REOPEN.values(words=bindparam("new_words"))

    def set_prompt(self, chat_id: int, message_id: int, prompt: str) -> None:
        """Give pictures that wait their words: then they wait for a model."""
        self._run(self._SET_PROMPT, new_words=prompt, **self._key(chat_id, message_id))

    _REWORD = _REOPEN.values(payload=bindparam("doc"))

    def reword(self, prompt: PendingPrompt) -> None:
        """Open a question that asks something else about the same message."""
        key = self._key(prompt.chat_id, prompt.message_id)
        self._run(self._REWORD, doc=document(prompt), **key)

    def reopen(self, chat_id: int, message_id: int) -> None:
        """Take the closing of a question back: what answered it was not accepted."""
        self._run(self._REOPEN, **self._key(chat_id, message_id))

    _UNASKED = (
        select(PENDING)
        .where(_QUESTIONS, LIVE, _C.bot_message_id.is_(None), _RECENT)
        .order_by(_C.at)
        .limit(MOST_LISTED)
    )

    def unasked(self, since: datetime) -> list[PendingPrompt]:
        """List the open questions that were never sent, oldest first: MOST_LISTED at most."""
        return self._messages(self._UNASKED, not_before=since)

    _LAPSED = (
        select(_C.chat_id, _C.message_id, _C.bot_message_id)
        .where(_QUESTIONS, _C.bot_message_id.is_not(None))
        .where(_RECENT, _C.at < bindparam("asked_before"))
        .order_by(_C.at)
        .limit(MOST_LISTED)
    )

    def lapsed(self, since: datetime, before: datetime) -> list[tuple[int, int, int]]:
        """List the chat, message and question of what was asked in a span: MOST_LISTED at most."""
        rows = self._run(self._LAPSED, not_before=since, asked_before=before)
        return [(row.chat_id, row.message_id, row.bot_message_id) for row in rows]

    _TIDIED = update(PENDING).where(THIS).values(bot_message_id=None)

    def tidied(self, chat_id: int, message_id: int) -> None:
        """Forget the message of a question: it is no longer there."""
        self._run(self._TIDIED, **self._key(chat_id, message_id))


def _place(account_id: int, chat_id: int, thread_id: int | None) -> dict[str, int]:
    # No topic has the id 0: a place without topics is found by plain equality.
    return {"of_account": account_id, "of_chat": chat_id, "of_thread": thread_id or 0}
