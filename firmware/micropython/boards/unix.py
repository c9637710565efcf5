# SPDX-License-Identifier: BSD-3-Clause
"""MicroPython's port for Linux and macOS: a device without a board, for trying things out. Say ``id`` in config.py."""

NAME = "unix"

_THERMOMETER = "/sys/class/thermal/thermal_zone0/temp"


def station():
    return None


def led(pin=None):
    return lambda on: print("The LED is", "on" if on else "off")


def sensors():
    try:
        _temperature()
    except (OSError, ValueError):
        return []
    return [("chip-temperature", "Cel", _temperature)]


def watchdog():
    return None


def _temperature():
    with open(_THERMOMETER) as file:
        return int(file.read()) / 1000
