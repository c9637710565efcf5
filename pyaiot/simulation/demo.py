# SPDX-License-Identifier: BSD-3-Clause
"""The devices of ``aiot up --demo``: a few simulated ones, each with a socket of its own."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Protocol

from pyaiot.lifecycle import Ready, first_fault, started
from pyaiot.simulation.coap import SimulatedCoapDevice
from pyaiot.simulation.mqtt import SimulatedMqttDevice
from pyaiot.simulation.ws import SimulatedWsDevice

#: For how long a device that sleeps is awake, and how long it sleeps: one is out before it wakes (``--max-time`` is
#: 120 s), one is only late, and one hangs up.
BEEHIVE_S = (120.0, 180.0)
LETTERBOX_S = (90.0, 60.0)
COURIER_S = (240.0, 45.0)


class Device(Protocol):
    """A simulated device of any protocol."""

    async def run(self) -> None:
        """Be a device until cancelled."""
        ...


class Waking(Device, Protocol):
    """One that can be switched off and on."""

    async def start(self) -> None:
        """Be a device."""
        ...

    async def stop(self) -> None:
        """Be none."""
        ...


class SleepyDevice:
    """A device that sleeps, to save its battery: on for ``awake_s``, off for ``asleep_s``, and again."""

    def __init__(self, device: Waking, awake_s: float, asleep_s: float) -> None:
        self._device = device
        self._awake_s = awake_s
        self._asleep_s = asleep_s

    async def run(self) -> None:
        """Be a device until cancelled."""
        try:
            while True:
                await self._device.start()
                await asyncio.sleep(self._awake_s)
                await self._device.stop()
                await asyncio.sleep(self._asleep_s)
        finally:
            await self._device.stop()


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
        self._devices = {**_coap_devices(coap_port), **_ws_devices(ws_port)}
        if mqtt_port is not None:
            self._devices |= _mqtt_devices(mqtt_port)

    async def run(self, ready: Ready) -> None:
        """Be all of them until cancelled."""
        async with AsyncExitStack() as stack:
            tasks = [
                await stack.enter_async_context(started(SimulatedDevice(device), f"device {uid}"))
                for uid, device in self._devices.items()
            ]
            ready()
            await first_fault(tasks)


def _coap_devices(port: int) -> dict[str, Device]:
    beehive = SimulatedCoapDevice(
        "beehive", gateway_port=port, name="Beehive", resources=("temperature", "humidity"), describes=True
    )
    letterbox = SimulatedCoapDevice("letterbox", gateway_port=port, name="Letterbox", resources=("illuminance",))
    return {
        "weather-station": SimulatedCoapDevice(
            "weather-station",
            gateway_port=port,
            name="Weather Station",
            resources=("temperature", "pressure", "humidity", "uvindex"),
        ),
        "desk-lamp": SimulatedCoapDevice(
            "desk-lamp",
            gateway_port=port,
            name="Desk Lamp",
            resources=("led", "illuminance", "text"),
            describes=True,
        ),
        "greenhouse": SimulatedCoapDevice(
            "greenhouse", gateway_port=port, name="Greenhouse", resources=("led", "temperature", "eco2")
        ),
        "air-monitor": SimulatedCoapDevice(
            "air-monitor",
            gateway_port=port,
            name="Air Monitor",
            board="samr21-xpro",
            attributes={"os": "riot", "mcu": "samr21", "vendor": "pyaiot"},
            resources=("tsp", "tlp", "tvoc", "version", "suit_state", "dwnld"),
            describes=True,
        ),
        "rover": SimulatedCoapDevice(
            "rover",
            gateway_port=port,
            name="Rover",
            board="nucleo-f411re",
            attributes={"os": "riot", "mcu": "stm32f411re"},
            resources=("robot", "ribot", "imu", "js"),
            imu_interval_s=0.25,
        ),
        "beehive": SleepyDevice(beehive, *BEEHIVE_S),
        "letterbox": SleepyDevice(letterbox, *LETTERBOX_S),
    }


def _ws_devices(port: int) -> dict[str, Device]:
    courier = SimulatedWsDevice(
        "courier",
        gateway_port=port,
        attributes={"name": "Courier", "os": "android"},
        resources=("position", "text"),
        interval_s=4.0,
        describes=True,
    )
    return {
        "garage": SimulatedWsDevice(
            "garage", gateway_port=port, attributes={"name": "Garage", "os": "python"}, resources=("led", "temperature")
        ),
        "courier": SleepyDevice(courier, *COURIER_S),
    }


def _mqtt_devices(port: int) -> dict[str, Device]:
    return {
        "wipy-1": SimulatedMqttDevice(
            "wipy-1",
            mqtt_port=port,
            attributes={"name": "Hallway", "os": "micropython", "board": "WiPy"},
            resources=("led", "temperature"),
        ),
        "mqtt-2": SimulatedMqttDevice(
            "mqtt-2",
            mqtt_port=port,
            attributes={"name": "Cellar", "os": "riot", "board": "HP"},
            resources=("temperature", "pressure", "humidity"),
            unsolicited=True,
        ),
        "thermostat": SimulatedMqttDevice(
            "thermostat",
            mqtt_port=port,
            attributes={
                "name": "Thermostat",
                "os": "micropython",
                "board": "ESP32",
                "vendor": "pyaiot",
                "position": '{"lat":48.7144507,"lng":2.2058228}',
            },
            resources=("mode", "setpoint", "temperature"),
            describes=True,
        ),
    }
