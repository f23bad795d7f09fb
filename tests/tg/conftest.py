"""How the conversations of this folder begin."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from bot.sandbox.gateway import Reply
from tests.conversation import Conversation, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

Start = Callable[..., AbstractAsyncContextManager[Conversation]]

SMALL = Reply(noise=1200)  # a tiny picture: nothing is drawn, so a conversation is quick


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Start the whole bot with settings of the test's own."""

    @asynccontextmanager
    async def begin(**changes: str) -> AsyncIterator[Conversation]:
        async with started(tmp_path, **changes) as conversation:
            conversation.gateway.default = SMALL
            yield conversation

    return begin


@pytest_asyncio.fixture
async def chat(start: Start) -> AsyncIterator[Conversation]:
    """The whole bot on its sandbox, open to everybody."""
    async with start() as conversation:
        yield conversation
