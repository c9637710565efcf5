# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for the module of Pycom's firmware."""


def heartbeat(on):
    print("heartbeat", on)


def rgbled(colour):
    print("rgbled", hex(colour))
