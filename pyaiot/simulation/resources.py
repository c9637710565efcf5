# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated device can have: sensors that measure, and things that can be written to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pyaiot.simulation.sensors import ECO2, HUMIDITY, ILLUMINANCE, PRESSURE, TEMPERATURE, Character, Motion, Sensor

#: The sensors: how they behave, and how the firmware writes their values.
SENSORS: dict[str, tuple[Character, str]] = {
    "temperature": (TEMPERATURE, "{:.1f}°C"),
    "pressure": (PRESSURE, "{:.2f}hPa"),
    "humidity": (HUMIDITY, "{:.1f}%"),
    "illuminance": (ILLUMINANCE, "{:.0f}lx"),
    "eco2": (ECO2, "{:.0f}ppm"),
}
#: What a device can be given besides the sensors.
OTHERS = ("imu", "led", "robot", "js", "version")
RESOURCES = (*SENSORS, *OTHERS)
#: The commands of the robot: stop, forward, backward, left, right.
ROBOT_COMMANDS = frozenset("sfblr")


@dataclass(slots=True)
class Resource:
    """One resource of a device: how it is read, and written (the answer's payload, or None for 4.00)."""

    read: Callable[[], str]
    write: Callable[[str], str | None] | None = None
    #: How often its value is sent to the gateway; None: never by itself.
    interval_s: float | None = None
    due_at: float = field(default=0.0)


class State:
    """A resource that keeps what is written to it, and answers ``led:1``; ``allowed`` None allows any text."""

    def __init__(self, name: str, value: str, allowed: frozenset[str] | None = None) -> None:
        self._name = name
        self._allowed = allowed
        self.value = value

    def read(self) -> str:
        """The present value."""
        return self.value

    def write(self, value: str) -> str | None:
        """Take ``value``; the answer's payload, or None where it is not allowed."""
        if self._allowed is not None and value not in self._allowed:
            return None
        self.value = value
        return "" if self._allowed is None else f"{self._name}:{value}"


def make_resource(name: str, *, seed: int | str, interval_s: float, form: str = "") -> Resource:
    """The resource called ``name``, one of :data:`RESOURCES`; what measures tells its value every ``interval_s``.

    ``form`` is how a sensor writes its number (``{:.0f}°C``), where it is not as in :data:`SENSORS`.
    """
    match name:
        case "led":
            state = State(name, "0", frozenset("01"))
        case "robot":
            state = State(name, "s", ROBOT_COMMANDS)
        case "js":
            state = State(name, "")
        case "version":
            return Resource(lambda: "1.0.0", interval_s=interval_s)
        case "imu":
            motion = Motion(seed=seed)
            return Resource(lambda: motion.read(time.monotonic()), interval_s=interval_s)
        case _:
            character, usual = SENSORS[name]
            sensor = Sensor(character, seed=f"{seed} {name}")
            return Resource(lambda: (form or usual).format(sensor.read(time.monotonic())), interval_s=interval_s)
    return Resource(state.read, state.write)
