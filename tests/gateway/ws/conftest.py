# SPDX-License-Identifier: BSD-3-Clause
"""A WebSocket adapter that listens on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from pyaiot.gateway.ws.adapter import WsAdapter
from tests.gateway.loops import Factories, loop_factories
from tests.gateway.ws.ws_devices import Gateway


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """What uses sockets is tested on both event loops."""
    return loop_factories(item)


MakeGateway = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def make_gateway() -> AsyncIterator[MakeGateway]:
    """Makes gateways whose adapter is started; nothing may be left of them, nor reach the loop's exception handler."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))

    @asynccontextmanager
    async def one(max_time_s: float = 120.0, **options: Any) -> AsyncIterator[Gateway]:
        gateway = Gateway(max_time_s)
        gateway.adapter = adapter = WsAdapter(host="127.0.0.1", port=0, **options)
        await adapter.start(gateway)
        try:
            yield gateway
        finally:
            await adapter.stop()
            await gateway.close()
        assert gateway.violations == []
        assert adapter.counters.internal_errors == 0
        assert len(adapter._server) == 0
        assert adapter._server._places.total == 0
        assert not adapter._residents.confirmations

    async with AsyncExitStack() as stack:

        async def make(**options: Any) -> Gateway:
            return await stack.enter_async_context(one(**options))

        yield make
    await asyncio.sleep(0)
    assert faults == []
    others = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == [], "tasks are left"


@pytest.fixture
async def gateway(make_gateway: MakeGateway) -> Gateway:
    """As it is by default."""
    return await make_gateway()
