"""Broadcasts: whom they reach, in which order, and that the cursor passes everybody once."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.administration import Audience, BroadcastState
from bot.storage import Transaction
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON

EVER = NOON - timedelta(days=9000)
DAY = timedelta(days=1)
CAROL, DAVE = 1003, 1004


def know(tx: Transaction, user_id: int, language: str | None, seen: datetime = NOON) -> None:
    tx.people.seen_user(user_id, "Somebody", None, language, seen)
    tx.people.seen_chat(user_id, "private", None, seen)


def reached(tx: Transaction, number: int) -> list[int]:
    """Go through a broadcast to its end."""
    found: list[int] = []
    while broadcast := tx.broadcasts.get(number):
        chat_id = tx.broadcasts.next(broadcast)
        if chat_id is None:
            return found
        found.append(chat_id)
    raise AssertionError


def begun(tx: Transaction, audience: Audience, at: datetime = NOON) -> int:
    number = tx.broadcasts.add(ANN, "hello", audience, at)
    assert tx.broadcasts.start(number, 5, tx.broadcasts.count(audience, at), at)
    return number


def test_everybody_known_in_private_is_reached_once_in_order(db: Direct) -> None:
    with db.transaction() as tx:
        for user in (BOB, ANN, CAROL):
            know(tx, user, "en")
        know(tx, DAVE, "en", NOON + DAY)  # who comes while it runs is not in it
        tx.people.seen_chat(GROUP, "supergroup", "Cats", NOON)
        tx.people.seen_user(7, "Of a group", None, "en", NOON)
        tx.decisions.decide(BOB, banned_at=NOON)
        number = begun(tx, Audience(EVER))
        assert reached(tx, number) == [ANN, CAROL]
        found = tx.broadcasts.get(number)
        assert found
        assert (found.total, found.tried, found.state) == (2, 2, BroadcastState.FINISHED)
        assert tx.broadcasts.next(found) is None


def test_an_audience_is_who_was_seen_and_speaks_a_language(db: Direct) -> None:
    with db.transaction() as tx:
        know(tx, ANN, "pt-br")
        know(tx, BOB, "PT")
        know(tx, CAROL, None)
        know(tx, DAVE, "pt", NOON - 3 * DAY)
        assert tx.broadcasts.count(Audience(EVER), NOON) == 4
        assert tx.broadcasts.count(Audience(EVER, "pt"), NOON) == 3
        assert tx.broadcasts.count(Audience(EVER, "pt-BR"), NOON) == 1
        assert tx.broadcasts.count(Audience(EVER, "p"), NOON) == 0
        assert tx.broadcasts.count(Audience(NOON - DAY, "pt"), NOON) == 2
        assert reached(tx, begun(tx, Audience(NOON - DAY, "pt"))) == [ANN, BOB]


def test_a_broadcast_begins_once_and_a_cancel_ends_it(db: Direct) -> None:
    with db.transaction() as tx:
        know(tx, ANN, "en")
        know(tx, BOB, "en")
        number = begun(tx, Audience(EVER))
        assert not tx.broadcasts.start(number, 6, 2, NOON)
        first = tx.broadcasts.get(number)
        assert first
        assert tx.broadcasts.next(first) == ANN
        assert tx.broadcasts.next(first) is None  # by somebody who saw it as it was before
        tx.broadcasts.result(number, sent=True)
        tx.broadcasts.told(number)  # of an end that is not there
        assert len(tx.broadcasts.open()) == 1
        assert tx.broadcasts.cancel(number)
        assert not tx.broadcasts.cancel(number)
        (found,) = tx.broadcasts.open()
        assert tx.broadcasts.next(found) is None
        assert (found.tried, found.sent, found.state) == (1, 1, BroadcastState.CANCELLED)
        tx.broadcasts.told(number)
        assert tx.broadcasts.open() == []


def test_a_draft_is_not_under_way(db: Direct) -> None:
    with db.transaction() as tx:
        number = tx.broadcasts.add(ANN, "hello", Audience(EVER), NOON)
        assert tx.broadcasts.open() == []
        assert tx.broadcasts.cancel(number)
        assert not tx.broadcasts.start(number, 5, 1, NOON)
        assert tx.broadcasts.open() == []
