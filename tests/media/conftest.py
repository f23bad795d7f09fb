"""The processes that decode, for all tests of a module."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.media.inputs import Inputs, open_inputs
from bot.media.store import MediaStore


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def inputs(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Inputs]:
    store = MediaStore.open(tmp_path_factory.mktemp("inputs") / "media")
    async with open_inputs(store) as inputs:
        yield inputs
