# SPDX-License-Identifier: BSD-3-Clause
"""Stands in for the network module of a board, and for that of Pycom's firmware: joins at the third look.

The lines ``off`` and ``on`` of the test's input take the access point away, and bring it back.
"""

import bridge

STA_IF = 0
AP_IF = 1


class WLAN:
    STA = 1
    WPA2 = 3

    def __init__(self, interface=STA_IF, mode=None):
        self._active = False
        self._looks = None
        self._air = True

    def active(self, on):
        self._active = on
        self._looks = None

    def init(self, mode):
        self.active(True)

    def deinit(self):
        self.active(False)

    def connect(self, ssid, password=None, auth=None):
        if not self._active:
            raise OSError("Wifi Not Started")
        if self._looks is not None:
            raise OSError("Wifi Internal Error")
        print("WLAN connects", ssid, password if auth is None else auth)
        self._looks = 0

    def disconnect(self):
        self._looks = None

    def isconnected(self):
        line = bridge.line()
        if line is not None:
            self._air = line == "on"
        if self._looks is None or not self._air:
            return False
        self._looks += 1
        return self._looks > 3

    def ifconfig(self):
        return ("192.168.1.23", "255.255.255.0", "192.168.1.1", "192.168.1.1")
