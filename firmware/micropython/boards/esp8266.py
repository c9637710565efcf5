# SPDX-License-Identifier: BSD-3-Clause
"""ESP8266: NodeMCU, Wemos D1 mini … with an LED at GPIO 2 that lights when the pin is low."""

import machine
import network

NAME = "ESP8266"


def station():
    network.WLAN(network.AP_IF).active(False)  # it is on as delivered, and wants memory
    return network.WLAN(network.STA_IF)


def led(pin=None):
    if pin is not None:
        return machine.Pin(pin, machine.Pin.OUT).value
    output = machine.Pin(2, machine.Pin.OUT, value=1)
    return lambda on: output.value(not on)


def sensors():
    return [("analog", None, machine.ADC(0).read)]


def watchdog():
    return machine.WDT()  # its time cannot be set
