# SPDX-License-Identifier: BSD-3-Clause
"""What differs between boards: one small module each, with the same names in it.

``NAME``
    what the dashboard shows as ``board``
``station()``
    the Wi-Fi interface, with ``active``, ``connect``, ``disconnect``, ``isconnected``, ``ifconfig``; None where the
    operating system has the network
``led(pin)``
    a function that switches the board's own LED (or the one at ``pin``) on and off; None where there is none
``sensors()``
    what the board measures without anything connected: a list of (resource, unit, function)
``watchdog()``
    has ``feed()``, and resets the board when that is not called for some seconds; None where there is none
"""

import sys

_OF_PLATFORM = {
    "esp32": "generic_esp32",
    "esp8266": "esp8266",
    "rp2": "pico_w",
    "linux": "unix",
    "darwin": "unix",
    # Pycom's own firmware.
    "WiPy": "pycom_board",
    "LoPy": "pycom_board",
    "LoPy4": "pycom_board",
    "SiPy": "pycom_board",
    "GPy": "pycom_board",
    "FiPy": "pycom_board",
}


def find(name=None):
    """The module of the board called ``name``, or of the one that this runs on. Raises ValueError: there is none."""
    name = name or _OF_PLATFORM.get(sys.platform)
    if name is None:
        raise ValueError("no board is known for %s: write a module for it in boards/" % sys.platform)
    try:
        return getattr(__import__("boards." + name), name)
    except ImportError as error:
        raise ValueError("the board %s: %s" % (name, error))
