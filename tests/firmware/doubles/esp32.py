# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for the esp32 module of the first ESP32."""


def raw_temperature():
    return 131  # Fahrenheit
