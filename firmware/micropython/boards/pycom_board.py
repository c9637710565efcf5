# SPDX-License-Identifier: BSD-3-Clause
"""Pycom's WiPy, LoPy, LoPy4, SiPy, GPy, FiPy: with Pycom's own firmware, or with MicroPython's for the ESP32.

Their LED is of three colours, at GPIO 0, and shows green here.
"""

import machine
import network

try:
    import pycom
except ImportError:  # MicroPython's own firmware; say board = "pycom_board" in config.py
    pycom = None

NAME = "Pycom"

#: As 0xRRGGBB; full light hurts the eyes.
_ON = 0x002000


def station():
    return network.WLAN(network.STA_IF) if pycom is None else _Station()


def led(pin=None):
    if pin is not None:
        return machine.Pin(pin, machine.Pin.OUT).value
    if pycom is None:
        return _pixel()
    pycom.heartbeat(False)
    return lambda on: pycom.rgbled(_ON if on else 0)


def sensors():
    return []


def watchdog():
    return machine.WDT(timeout=60000)


def _pixel():
    import neopixel

    pixel = neopixel.NeoPixel(machine.Pin(0, machine.Pin.OUT), 1)

    def switch(on):
        pixel[0] = (_ON >> 16, _ON >> 8 & 0xFF, _ON & 0xFF) if on else (0, 0, 0)
        pixel.write()

    return switch


class _Station:
    """Pycom's WLAN, which has other words for the same things."""

    def __init__(self):
        self._wlan = network.WLAN(mode=network.WLAN.STA)

    def active(self, on):
        if on:
            self._wlan.init(mode=network.WLAN.STA)
        else:
            self._wlan.deinit()

    def connect(self, ssid, password):
        # Without a timeout it returns at once.
        self._wlan.connect(ssid, auth=(network.WLAN.WPA2, password) if password else None)

    def disconnect(self):
        self._wlan.disconnect()

    def isconnected(self):
        return self._wlan.isconnected()

    def ifconfig(self):
        return self._wlan.ifconfig()
