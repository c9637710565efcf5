# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for MicroPython's driver of coloured LEDs."""


class NeoPixel:
    def __init__(self, pin, count):
        self._colours = [(0, 0, 0)] * count

    def __setitem__(self, place, colour):
        self._colours[place] = colour

    def write(self):
        print("NeoPixel", self._colours[0])
