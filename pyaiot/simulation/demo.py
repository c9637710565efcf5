# SPDX-License-Identifier: BSD-3-Clause
"""The devices of ``aiot up --demo``: a few simulated ones, each with a socket of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack

from pyaiot.lifecycle import Ready, first_fault, started
from pyaiot.simulation.coap import SimulatedCoapDevice


class SimulatedDevice:
    """A simulated device as a service."""

    def __init__(self, device: SimulatedCoapDevice) -> None:
        self._device = device

    async def run(self, ready: Ready) -> None:
        """Be a device until cancelled."""
        ready()
        await self._device.run()


class Demo:
    """Three CoAP devices for the gateway at ``coap_port`` of this host."""

    def __init__(self, coap_port: int) -> None:
        self._devices = {
            "weather-station": SimulatedCoapDevice(
                "weather-station",
                gateway_port=coap_port,
                name="Weather Station",
                resources=("temperature", "pressure", "humidity"),
            ),
            "desk-lamp": SimulatedCoapDevice(
                "desk-lamp", gateway_port=coap_port, name="Desk Lamp", resources=("led", "illuminance")
            ),
            "greenhouse": SimulatedCoapDevice(
                "greenhouse", gateway_port=coap_port, name="Greenhouse", resources=("led", "temperature", "eco2")
            ),
        }

    async def run(self, ready: Ready) -> None:
        """Be all of them until cancelled."""
        async with AsyncExitStack() as stack:
            tasks = [
                await stack.enter_async_context(started(SimulatedDevice(device), f"device {uid}"))
                for uid, device in self._devices.items()
            ]
            ready()
            await first_fault(tasks)
