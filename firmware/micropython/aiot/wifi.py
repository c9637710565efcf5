# SPDX-License-Identifier: BSD-3-Clause
"""Wi-Fi that heals: tries until it is there, watches it, and tries again. No socket and no clock in here."""

from micropython import const

from aiot import log

#: How long one try may take. Some access points need most of it.
_TRY_MS = const(20000)
#: After so many tries in vain the radio is switched off and on.
_TRIES_A_RESET = const(3)


class Wifi:
    """``station`` is what the board's module gives: ``network.WLAN(STA_IF)``, or what looks like it."""

    def __init__(self, ssid, password, station):
        self._ssid = ssid
        self._password = password
        self._station = station
        self._was_up = False
        self._try_until = None
        self._tries = 0

    def step(self, now):
        """Whether the network is there; begins to connect where it is not. Never waits."""
        try:
            return self._step(now)
        except OSError as error:  # "Wifi Internal Error" of the ESP32, when asked at the wrong moment
            log.complain("Wi-Fi", "Wi-Fi: %s" % error)
            return False

    def _step(self, now):
        station = self._station
        if station.isconnected():
            if not self._was_up:
                self._was_up = True
                self._tries = 0
                self._try_until = None
                log.say("Wi-Fi %s is there, our address is %s" % (self._ssid, station.ifconfig()[0]))
            return True
        if self._was_up:
            self._was_up = False
            log.say("Wi-Fi %s is gone" % self._ssid)
        if self._try_until is None or now >= self._try_until:
            tries = self._tries
            # First, so that a radio that raises is left alone for a while.
            self._tries += 1
            self._try_until = now + _TRY_MS
            if tries and tries % _TRIES_A_RESET == 0:
                log.say("Wi-Fi %s not joined in %d tries: are name and password right?" % (self._ssid, tries))
                station.active(False)
            elif tries:
                station.disconnect()
            station.active(True)
            station.connect(self._ssid, self._password)
        return False
