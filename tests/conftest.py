"""Fixtures that every test may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.conversation import Conversation, started

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest_asyncio.fixture
async def chat(tmp_path: Path) -> AsyncIterator[Conversation]:
    """The whole bot on its sandbox, open to everybody."""
    async with started(tmp_path) as conversation:
        yield conversation
