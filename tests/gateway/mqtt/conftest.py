# SPDX-License-Identifier: BSD-3-Clause
"""A Mosquitto, and MQTT adapters that are its clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pyaiot.gateway.mqtt.adapter import MqttAdapter
from tests.gateway.loops import Factories, loop_factories
from tests.gateway.mqtt.gateways import Gateway
from tests.patience import PATIENCE_S
from tests.process.mosquitto import DURABLE, Mosquitto, mosquitto

MakeGateway = Callable[..., Awaitable[Gateway]]


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """On both event loops: their transports differ."""
    return loop_factories(item)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    """A Mosquitto that keeps what it has acknowledged."""
    async with mosquitto(tmp_path, *DURABLE) as made:
        yield made


@pytest.fixture
async def make_gateway() -> AsyncIterator[MakeGateway]:
    """Makes gateways with a started adapter. Nothing may reach the event loop's exception handler, nor be left over."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    made: list[Gateway] = []

    async def make(port: int, *, connected: bool = True, **options: Any) -> Gateway:
        gateway = Gateway()
        made.append(gateway)
        options = {"client_id": "gateway-under-test", "host": "127.0.0.1", **options}
        gateway.adapter = MqttAdapter(port=port, **options)
        await gateway.adapter.start(gateway)
        if connected:
            async with asyncio.timeout(PATIENCE_S):
                await gateway.adapter.connected.wait()
        return gateway

    yield make
    for gateway in made:
        await gateway.adapter.stop()
        await gateway.end()
        assert gateway.violations == []
    await asyncio.sleep(0)
    assert faults == []
    left = [task.get_name() for task in asyncio.all_tasks() if "MQTT" in task.get_name()]
    assert left == [], "tasks are left"


@pytest.fixture
async def gateway(server: Mosquitto, make_gateway: MakeGateway) -> Gateway:
    """A gateway that is connected to ``server``."""
    return await make_gateway(server.port)
