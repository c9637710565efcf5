# SPDX-License-Identifier: BSD-3-Clause
"""A gateway for HTTP devices that listens on loopback, on both event loops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
import uvloop

from tests.gateway.http.http_devices import Gateway, running


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """What uses the socket is tested on both event loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """As on a loopback bind: programs of this host need no password."""
    async with running() as gateway:
        yield gateway
