# SPDX-License-Identifier: BSD-3-Clause
"""Raspberry Pi Pico W and Pico 2 W."""

import machine
import network

NAME = "Pico W"


def station():
    return network.WLAN(network.STA_IF)


def led(pin=None):
    # It hangs on the Wi-Fi chip, hence the name instead of a number.
    return machine.Pin("LED" if pin is None else pin, machine.Pin.OUT).value


def sensors():
    return [("chip-temperature", "Cel", _Thermometer(machine.ADC(4)).read)]


def watchdog():
    return machine.WDT(timeout=8388)  # the longest that the chip can


class _Thermometer:
    """A diode: 0.706 V at 27 °C, 1.721 mV less for each degree (RP2040 datasheet, section 4.9.5)."""

    def __init__(self, adc):
        self._adc = adc

    def read(self):
        volts = self._adc.read_u16() * 3.3 / 65535
        return round(27 - (volts - 0.706) / 0.001721, 1)
