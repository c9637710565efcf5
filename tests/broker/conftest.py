# SPDX-License-Identifier: BSD-3-Clause
"""A broker that runs in the test's own event loop, on a free port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pyaiot.broker.server import Broker
from pyaiot.cli.generate_keys import make_all
from pyaiot.keys import Keys
from pyaiot.lifecycle import started
from pyaiot.settings import BrokerSettings


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Where the keys are."""
    return tmp_path / "keys"


@pytest.fixture
def keys(key_file: Path) -> Keys:
    """Keys of a host with broker and gateways."""
    return make_all(key_file, force=False)


@pytest.fixture
def broker_options() -> dict[str, Any]:
    """Settings of the broker that differ from the defaults; override with parametrize."""
    return {}


@pytest.fixture
async def broker(key_file: Path, keys: Keys, broker_options: dict[str, Any]) -> AsyncIterator[Broker]:
    """A broker that is ready. What reached the event loop's exception handler fails the test."""
    faults: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    made = Broker(BrokerSettings(key_file=str(key_file), broker_port="0", **broker_options))
    async with started(made, "broker"):
        yield made
    assert faults == []
