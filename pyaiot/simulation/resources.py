# SPDX-License-Identifier: BSD-3-Clause
"""What a simulated device can have: sensors that measure, and things that can be written to."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from pyaiot.simulation.courses import FirmwareUpdate, Walk
from pyaiot.simulation.sensors import (
    ECO2,
    HUMIDITY,
    ILLUMINANCE,
    LARGE_PARTICLES,
    PRESSURE,
    SMALL_PARTICLES,
    TEMPERATURE,
    TVOC,
    UV_INDEX,
    Character,
    Motion,
    Sensor,
)

#: The sensors: how they behave, and how the firmware writes their values.
SENSORS: dict[str, tuple[Character, str]] = {
    "temperature": (TEMPERATURE, "{:.1f}°C"),
    "pressure": (PRESSURE, "{:.2f}hPa"),
    "humidity": (HUMIDITY, "{:.1f}%"),
    "illuminance": (ILLUMINANCE, "{:.0f}lx"),
    "eco2": (ECO2, "{:.0f}ppm"),
    "tvoc": (TVOC, "{:.0f}ppb"),
    "tsp": (SMALL_PARTICLES, "{:.1f}ug/m3"),
    "tlp": (LARGE_PARTICLES, "{:.1f}ug/m3"),
    "uvindex": (UV_INDEX, "{:.1f}"),
}
#: What a device can be given besides the sensors.
OTHERS = (
    "imu", "led", "robot", "ribot", "js", "text", "mode", "setpoint", "position", "version", "suit_state", "dwnld"
)  # fmt: skip
RESOURCES = (*SENSORS, *OTHERS)
#: The commands of the robot: stop, up or forward, down or backward, left, right.
ROBOT_COMMANDS = frozenset("sufdblr")
#: What a joystick says to its robot: how far to each side, up to 255, and both together.
MAX_SPEED = 255
MODES = ("auto", "comfort", "eco", "off")
SETPOINT_MIN, SETPOINT_MAX, SETPOINT_STEP = 5.0, 30.0, 0.5
MAX_TEXT = 200
#: Progress is told at least so often.
PROGRESS_S = 1.0
#: What resources are, for devices that can say so (PROTOCOL.md section 2.3).
ABOUTS: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "led": {"title": "Light", "writable": True},
        "text": {"title": "Message", "writable": True},
        # What the predecessor's pad says, and backwards; the other letters are taken, too.
        "robot": {"title": "Robot", "writable": True, "choices": ["l", "r", "u", "d", "s"]},
        "mode": {"title": "Mode", "writable": True, "choices": list(MODES)},
        "setpoint": {
            "title": "Set point",
            "writable": True,
            "unit": "Cel",
            "min": SETPOINT_MIN,
            "max": SETPOINT_MAX,
            "step": SETPOINT_STEP,
        },
        "tsp": {"title": "Small particles (1 to 2 µm)", "writable": False},
        "tlp": {"title": "Large particles (3 to 10 µm)", "writable": False},
        "temperature": {"title": "Temperature", "writable": False},
        "humidity": {"title": "Relative humidity", "writable": False},
    }
)


@dataclass(slots=True)
class Resource:
    """One resource of a device: how it is read, and written (the answer's payload, or None for 4.00)."""

    read: Callable[[], str]
    write: Callable[[str], str | None] | None = None
    #: How often its value is sent to the gateway; None: never by itself.
    interval_s: float | None = None
    due_at: float = field(default=0.0)


class State:
    """A resource that keeps what is written to it; ``allowed`` None allows any text, else it answers ``led:1``."""

    def __init__(self, name: str, value: str, allowed: Callable[[str], bool] | None = None) -> None:
        self._name = name
        self._allowed = allowed
        self.value = value

    def read(self) -> str:
        """The present value."""
        return self.value

    def write(self, value: str) -> str | None:
        """Take ``value``; the answer's payload, or None where it is not allowed."""
        if self._allowed is not None and not self._allowed(value):
            return None
        self.value = value
        return "" if self._allowed is None else f"{self._name}:{value}"


def is_joystick(text: str) -> bool:
    """Whether ``text`` is ``<dx>:<dy>:<dx+dy>`` and a line feed, each of the two from -255 to 255."""
    match = _JOYSTICK.fullmatch(text)
    if match is None:
        return False
    dx, dy, both = map(int, match.groups())
    return abs(dx) <= MAX_SPEED and abs(dy) <= MAX_SPEED and both == dx + dy


def is_setpoint(text: str) -> bool:
    """Whether ``text`` is a temperature that can be wanted."""
    try:
        return SETPOINT_MIN <= float(text) <= SETPOINT_MAX
    except ValueError:
        return False


_JOYSTICK = re.compile(r"(-?[0-9]{1,3}):(-?[0-9]{1,3}):(-?[0-9]{1,3})\n?")


def about_of(name: str) -> Mapping[str, Any]:
    """What is to be said of the resource called ``name`` besides its values; may be nothing."""
    return ABOUTS.get(name, MappingProxyType({}))


def make_resource(name: str, *, seed: int | str, interval_s: float, form: str = "", updated: bool = False) -> Resource:
    """The resource called ``name``, one of :data:`RESOURCES`; what measures tells its value every ``interval_s``.

    ``form`` is how a sensor writes its number (``{:.0f}°C``), where it is not as in :data:`SENSORS`; ``updated``: the
    firmware of the device is, again and again.
    """
    match name:
        case "led":
            state = State(name, "0", frozenset("01").__contains__)
        case "robot":
            state = State(name, "s", ROBOT_COMMANDS.__contains__)
        case "ribot":
            state = State(name, "0:0:0\n", is_joystick)
        case "mode":
            state = State(name, MODES[0], MODES.__contains__)
        case "setpoint":
            state = State(name, "20", is_setpoint)
        case "text":
            state = State(name, "Hello", lambda text: len(text) <= MAX_TEXT)
        case "position":
            walk = Walk(seed=seed)
            return Resource(lambda: walk.read(time.monotonic()), interval_s=interval_s)
        case "suit_state" | "dwnld":
            update = FirmwareUpdate(seed=seed, since_s=time.monotonic())
            tell = update.state if name == "suit_state" else update.downloaded
            return Resource(lambda: tell(time.monotonic()), interval_s=min(interval_s, PROGRESS_S))
        case "js":
            state = State(name, "")
        case "version" if updated:
            firmware = FirmwareUpdate(seed=seed, since_s=time.monotonic())
            return Resource(lambda: firmware.version(time.monotonic()), interval_s=interval_s)
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
