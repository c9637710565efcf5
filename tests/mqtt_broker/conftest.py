# SPDX-License-Identifier: BSD-3-Clause
"""A broker that runs, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.mqtt_broker.mqtt_client import Running, running


@pytest.fixture
async def mqtt(tmp_path: Path) -> AsyncIterator[Running]:
    """On loopback, where those without a name are let in."""
    async with running(tmp_path) as broker:
        yield broker
