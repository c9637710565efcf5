# SPDX-License-Identifier: BSD-3-Clause
"""ESP32, ESP32-S2, ESP32-S3, ESP32-C3 …; the LED is taken to be at GPIO 2, where most of the first kind have it."""

import esp32
import machine
import network

NAME = "ESP32"


def station():
    return network.WLAN(network.STA_IF)


def led(pin=None):
    return machine.Pin(2 if pin is None else pin, machine.Pin.OUT).value


def sensors():
    # The chip's own temperature, well above that of the room.
    if hasattr(esp32, "mcu_temperature"):
        return [("chip-temperature", "Cel", esp32.mcu_temperature)]
    if hasattr(esp32, "raw_temperature"):
        return [("chip-temperature", "Cel", _from_fahrenheit)]
    return []


def watchdog():
    return machine.WDT(timeout=60000)


def _from_fahrenheit():
    return round((esp32.raw_temperature() - 32) / 1.8, 1)
