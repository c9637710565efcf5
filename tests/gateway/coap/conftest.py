# SPDX-License-Identifier: BSD-3-Clause
"""A CoAP adapter that listens on loopback, and devices for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from pyaiot.gateway.coap.adapter import CoapAdapter
from tests.gateway.coap.coap_devices import NOBODY, Device, Gateway
from tests.gateway.loops import Factories, loop_factories


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """What uses the socket is tested on both event loops: uvloop's sockets behave differently at errors."""
    return loop_factories(item)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A gateway with its adapter started; nothing may reach the event loop's exception handler."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    gateway = Gateway()
    gateway.adapter = adapter = CoapAdapter(port=0, device_port=NOBODY)
    await adapter.start(gateway)
    yield gateway
    await gateway.end()
    await adapter.stop()
    await asyncio.sleep(0)
    assert faults == []
    assert gateway.violations == []
    assert adapter.counters.internal_errors == 0
    others = [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert others == [], "tasks are left"


@pytest.fixture
async def device(gateway: Gateway) -> AsyncIterator[Callable[..., Awaitable[Device]]]:
    """Makes devices that know the gateway."""
    made: list[Device] = []

    async def make(**options: Any) -> Device:
        one = await Device.open(("127.0.0.1", gateway.adapter.port), **options)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
