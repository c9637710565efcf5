# SPDX-License-Identifier: BSD-3-Clause
"""A simulated device as a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Protocol


class Device(Protocol):
    """What the simulated devices have in common."""

    async def run(self) -> None:
        """Be a device until cancelled, and take leave then."""


async def until_signal(device: Device) -> None:
    """Be ``device`` until SIGINT or SIGTERM. Raises what its ``run`` does."""
    running = asyncio.create_task(device.run(), name="device")
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running
