"""What administrators let the bot do in a room, and what it then may not."""

from __future__ import annotations

import pytest

from sandbox.telegram import Telegram
from tests.sandbox.telegram.conftest import Wire


async def test_each_role_is_told_to_the_bot_as_the_schema_has_it(telegram: Telegram) -> None:
    group = telegram.group("Friends", [telegram.person("Alice")])
    for role in ("administrator", "photoless", "muted", "out", "muted", "member", "member"):
        group.set_bot_role(role)
        assert group.bot_role == role
    changes = [
        update["my_chat_member"]
        for update in telegram.pending_updates[-9:]
        if "my_chat_member" in update
    ]
    assert changes[-1]["new_chat_member"]["status"] == "member"
    assert "restricted" in {change["new_chat_member"]["status"] for change in changes}
    assert telegram.violations == []


async def test_a_muted_bot_may_not_write(wire: Wire, telegram: Telegram) -> None:
    group = telegram.group("Friends", [telegram.person("Alice")])
    group.set_bot_role("muted")
    answer = await wire.call("sendMessage", chat_id=group.id, text="hello")
    assert "not enough rights to send text messages" in answer["description"]
    group.set_bot_role("member")
    await wire.result("sendMessage", chat_id=group.id, text="hello")


def test_a_channel_knows_no_plain_members(telegram: Telegram) -> None:
    channel = telegram.channel("News", [telegram.person("Alice")])
    channel.set_bot_role("out")
    assert channel.bot_role == "out"
    channel.set_bot_role("administrator")
    with pytest.raises(ValueError, match="cannot be muted here"):
        channel.set_bot_role("muted")
