# SPDX-License-Identifier: BSD-3-Clause
"""What a board sees of a gateway over MQTT: it hears all, and asks whoever tells of resources for values."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.process.mqtt_peers import MqttPeer, peer


@asynccontextmanager
async def answering(port: int, uid: str = "n1", name: str = "gateway") -> AsyncIterator[MqttPeer]:
    """Such a gateway at the MQTT broker on ``port``, for the node ``uid``."""

    def asked(answered: int) -> bool:
        return len(made.on(f"node/{uid}/resources")) > answered

    async def answer() -> None:
        answered = 0
        while True:
            await made.until(lambda: asked(answered), "resources", 3600)  # noqa: B023 (until is over before it changes)
            answered = len(made.on(f"node/{uid}/resources"))
            made.publish(f"gateway/{uid}/discover", "values")

    async with peer(port, name, "node/#") as made:
        task = asyncio.create_task(answer(), name="answering")
        try:
            yield made
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
