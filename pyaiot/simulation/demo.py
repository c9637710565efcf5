# SPDX-License-Identifier: BSD-3-Clause
"""The devices of ``aiot up --demo``: a few simulated ones, each with a socket of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Protocol

from pyaiot.lifecycle import Ready, first_fault, started
from pyaiot.simulation.coap import SimulatedCoapDevice
from pyaiot.simulation.mqtt import SimulatedMqttDevice
from pyaiot.simulation.ws import SimulatedWsDevice


class Device(Protocol):
    """A simulated device of any protocol."""

    async def run(self) -> None:
        """Be a device until cancelled."""
        ...


class SimulatedDevice:
    """A simulated device as a service."""

    def __init__(self, device: Device) -> None:
        self._device = device

    async def run(self, ready: Ready) -> None:
        """Be a device until cancelled."""
        ready()
        await self._device.run()


class Demo:
    """Devices for the gateways at these ports of this host, and for the MQTT broker at ``mqtt_port``."""

    def __init__(self, coap_port: int, ws_port: int, mqtt_port: int | None) -> None:
        self._devices: dict[str, Device] = {
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
            "garage": SimulatedWsDevice(
                "garage",
                gateway_port=ws_port,
                attributes={"name": "Garage", "os": "python"},
                resources=("led", "temperature"),
            ),
        }
        if mqtt_port is not None:
            self._devices["wipy-1"] = SimulatedMqttDevice(
                "wipy-1",
                mqtt_port=mqtt_port,
                attributes={"name": "Hallway", "os": "micropython", "board": "WiPy"},
                resources=("led", "temperature"),
            )
            self._devices["mqtt-2"] = SimulatedMqttDevice(
                "mqtt-2",
                mqtt_port=mqtt_port,
                attributes={"name": "Cellar", "os": "riot", "board": "HP"},
                resources=("temperature", "pressure", "humidity"),
                unsolicited=True,
            )

    async def run(self, ready: Ready) -> None:
        """Be all of them until cancelled."""
        async with AsyncExitStack() as stack:
            tasks = [
                await stack.enter_async_context(started(SimulatedDevice(device), f"device {uid}"))
                for uid, device in self._devices.items()
            ]
            ready()
            await first_fault(tasks)
