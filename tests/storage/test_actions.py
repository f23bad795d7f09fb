"""What operators decided, and what they did: kept as it was said, on both databases."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

from sqlalchemy import text

from bot.domain.administration import AccountRules, AdminVerb, Facts
from bot.storage import Store, Transaction
from tests.storage.direct import Direct
from tests.storage.rows import ANN, BOB, GROUP, NOON

SUPER = -1_000_000_002_001


def test_a_decision_changes_its_own_fields_alone(db: Direct) -> None:
    with db.transaction() as tx:
        assert tx.decisions.of(ANN) == AccountRules(ANN)
        tx.decisions.decide(ANN, day=0, allowed=True)
        tx.decisions.decide(BOB, owner=True)
        tx.decisions.decide(ANN, banned_at=NOON, ban_reason="floods")
    expected = AccountRules(ANN, banned_at=NOON, ban_reason="floods", allowed=True, day=0)
    with db.reading() as tx:
        assert tx.decisions.of(ANN) == expected
        rules = sorted(tx.decisions.rules(), key=lambda one: one.account_id)
        assert rules == [expected, AccountRules(BOB, owner=True)]


def test_a_switch_stands_as_it_was_last_switched(db: Direct) -> None:
    with db.transaction() as tx:
        for active in (True, True, False):
            tx.decisions.switch("maintenance", active=active)
        assert tx.decisions.switches() == {"maintenance": False}


def test_actions_are_listed_from_the_latest_back_and_by_what_they_were_done_to(
    db: Direct,
) -> None:
    with db.transaction() as tx:
        for number, target in enumerate(("account:1", "job:7", "account:1")):
            at = NOON + timedelta(seconds=number)
            after: Facts = {"n": number, "words": "Grüße", "on": True, "was": None}
            tx.actions.add("cli", AdminVerb.LIMIT, target, at, before={}, after=after)
    with db.reading() as tx:
        latest = tx.actions.latest(2)
        assert [one.after["n"] for one in latest] == [2, 1]
        assert [one.after["n"] for one in tx.actions.latest(9, latest[-1].id)] == [0]
        of_account = tx.actions.of("account:1", 9)
        assert [one.at for one in of_account] == [NOON + timedelta(seconds=2), NOON]
        assert of_account[1].after == {"n": 0, "words": "Grüße", "on": True, "was": None}


def test_a_group_that_moves_takes_its_ban_along(db: Direct) -> None:
    with db.transaction() as tx:
        tx.decisions.decide(GROUP, banned_at=NOON)
        tx.migrate_chat(GROUP, SUPER)
        tx.migrate_chat(GROUP, SUPER)
        assert tx.decisions.rules() == [AccountRules(SUPER, banned_at=NOON)]


def test_places_are_given_in_order_and_taken_from_all_others(db: Direct) -> None:
    with db.transaction() as tx:
        tx.decisions.switch("b", active=False)
        tx.decisions.place(["a", "b", "c"])
        tx.decisions.place(["c", "b"])
        assert tx.decisions.places() == ["c", "b"]
        assert tx.decisions.switches() == {"a": True, "b": False, "c": True}
        tx.decisions.place([])
        assert tx.decisions.places() == []


def test_what_was_done_to_somebody_is_found_by_an_index(db: Direct) -> None:
    if not db.is_sqlite:
        return
    query = "EXPLAIN QUERY PLAN SELECT * FROM actions WHERE target = 'job:1' ORDER BY id DESC"
    with db.reading() as tx:
        plan = " ".join(str(row) for row in tx.actions._sql.execute(text(query)))
    assert re.search(r"SEARCH actions USING INDEX ix_actions_target", plan)
    assert "TEMP B-TREE" not in plan


async def test_whoever_decides_at_once_decides_in_turn(store: Store) -> None:
    def add(tx: Transaction, number: int) -> None:
        tx.decisions.take_turn()
        tx.decisions.place([*tx.decisions.places(), f"model:{number:02}"])

    await asyncio.gather(*(store.write(add, number) for number in range(20)))
    places = await store.read(lambda tx: tx.decisions.places())
    assert sorted(places) == [f"model:{number:02}" for number in range(20)]
