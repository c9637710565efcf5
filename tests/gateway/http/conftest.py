# SPDX-License-Identifier: BSD-3-Clause
"""A gateway for HTTP devices that listens on loopback, on both event loops."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.gateway.http.http_devices import Gateway, running
from tests.gateway.loops import Factories, loop_factories


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """What uses the socket is tested on both event loops."""
    return loop_factories(item)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """As on a loopback bind: programs of this host need no password."""
    async with running() as gateway:
        yield gateway
