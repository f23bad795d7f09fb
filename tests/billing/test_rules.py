"""What operators decide about single accounts goes before the settings, in whatever order it comes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from bot.billing.access import Access, Denial
from bot.billing.limits import Limits
from bot.domain.administration import AccountRules

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
ADMIN, ANN, BOB, HOME = 1, 2, 3, -4
ACCOUNTS = st.sampled_from([ADMIN, ANN, BOB, HOME])
LIMIT = st.none() | st.integers(0, 9)
RULES = st.builds(
    AccountRules,
    ACCOUNTS,
    banned_at=st.none() | st.just(NOON),
    ban_reason=st.sampled_from(["", "spam"]),
    allowed=st.none() | st.booleans(),
    owner=st.booleans(),
    day=LIMIT,
    queue=LIMIT,
)


def access(*, is_open: bool) -> Access:
    return Access(is_open, frozenset({ADMIN}), frozenset({BOB}), Limits(day=5, month=7, queue=3))


@given(
    decided=st.lists(RULES, max_size=8),
    is_open=st.booleans(),
    account=ACCOUNTS,
    chat=ACCOUNTS,
    maintained=st.booleans(),
)
def test_who_may_ask_is_what_was_decided_last(
    *, decided: list[AccountRules], is_open: bool, account: int, chat: int, maintained: bool
) -> None:
    learnt, loaded = access(is_open=is_open), access(is_open=is_open)
    for rules in decided:
        learnt.learn(rules)
    last = {rules.account_id: rules for rules in decided}
    loaded.learn(AccountRules(BOB, banned_at=NOON))  # is forgotten
    loaded.load(last.values(), {"maintenance": maintained, "model:x": True})
    learnt.maintenance = maintained
    assert learnt.denial(account, chat) == loaded.denial(account, chat)

    operates = account == ADMIN or (account in last and last[account].owner)
    banned = [last[one] for one in (account, chat) if one in last and last[one].banned_at]
    assert loaded.is_admin(account) == operates
    assert loaded.may_act_for(account, 99) == operates
    if maintained:
        assert loaded.denial(account, chat) is Denial.MAINTENANCE
    elif operates:
        assert loaded.admits(account, chat)
    elif banned:
        assert loaded.denial(account, chat) is Denial.BANNED
        assert loaded.ban_reason(account, chat) == banned[0].ban_reason
    elif is_open:
        assert loaded.admits(account, chat)


@given(st.lists(RULES, max_size=8), ACCOUNTS)
def test_a_limit_that_was_not_decided_is_that_of_all(
    decided: list[AccountRules], account: int
) -> None:
    known = access(is_open=True)
    for rules in decided:
        known.learn(rules)
    last = known.rules(account)
    day = 5 if last.day is None else last.day
    queue = 3 if last.queue is None else last.queue
    assert known.limits(account) == replace(known.usual, day=day, queue=queue)


def test_an_allowed_chat_lets_its_members_in_and_a_list_is_overruled() -> None:
    known = access(is_open=False)
    assert known.denial(ANN, HOME) is Denial.STRANGER
    known.learn(AccountRules(HOME, allowed=True))
    assert known.admits(ANN, HOME)
    assert not known.admits(ANN, ANN)
    known.learn(AccountRules(BOB, allowed=False))
    assert known.denial(BOB, BOB) is Denial.STRANGER
    assert known.admits(BOB, HOME)


def test_a_banned_channel_cannot_ask_through_a_group() -> None:
    news = -5
    known = access(is_open=True)
    known.learn(AccountRules(news, banned_at=NOON, ban_reason="spam"))
    assert known.denial(HOME, HOME, as_chat=news) is Denial.BANNED
    assert known.ban_reason(HOME, HOME, as_chat=news) == "spam"
    assert known.admits(HOME, HOME)
