# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for the machine module of a board: what is switched is printed."""


def unique_id():
    return b"\xa4\xcf\x12\xfe\x03\xb8"


class Pin:
    OUT = 1

    def __init__(self, pin, mode=-1, value=None):
        self._pin = pin
        if value is not None:
            self.value(value)

    def value(self, level):
        print("Pin", self._pin, "=", int(level))


class ADC:
    def __init__(self, channel):
        pass

    def read(self):
        return 512

    def read_u16(self):
        return 14000  # 0.705 V


class WDT:
    def __init__(self, id=0, timeout=5000):
        self.timeout = timeout
        self.fed = 0
        print("WDT", timeout)

    def feed(self):
        self.fed += 1
        if self.fed == 1:
            print("WDT fed")
