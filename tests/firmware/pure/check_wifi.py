# SPDX-License-Identifier: BSD-3-Clause
"""Checks of aiot.wifi, for both interpreters."""

from aiot.wifi import Wifi


class Station:
    """A radio whose air the check decides."""

    def __init__(self):
        self.there = False
        self.did = []
        self.broken = False

    def note(self, what):
        self.did.append(what)
        if self.broken:
            raise OSError("Wifi Internal Error")

    def active(self, on):
        self.note("on" if on else "off")

    def connect(self, ssid, password):
        assert (ssid, password) == ("home", "secret")
        self.note("connect")

    def disconnect(self):
        self.note("disconnect")

    def isconnected(self):
        return self.there

    def ifconfig(self):
        return ("192.168.1.23", "", "", "")


def made():
    station = Station()
    return Wifi("home", "secret", station), station


def test_it_connects_once_and_waits():
    wifi, station = made()
    for now in (0, 20, 5000, 19_999):
        assert not wifi.step(now)
    assert station.did == ["on", "connect"]
    station.there = True
    assert wifi.step(20_010)
    assert station.did == ["on", "connect"]


def test_it_tries_for_ever_and_switches_the_radio_off_and_on_now_and_then():
    wifi, station = made()
    for now in range(0, 200_000, 1000):
        assert not wifi.step(now)
    assert station.did.count("connect") == 10
    assert station.did.count("off") == 3
    assert station.did[:9] == ["on", "connect", "disconnect", "on", "connect", "disconnect", "on", "connect", "off"]


def test_what_was_there_and_goes_is_joined_again_at_once():
    wifi, station = made()
    station.there = True
    assert wifi.step(0)
    station.there = False
    assert not wifi.step(100_000)
    assert station.did == ["on", "connect"]
    station.there = True
    assert wifi.step(100_500)


def test_a_radio_that_raises_is_left_alone_for_a_while():
    wifi, station = made()
    station.broken = True
    for now in range(0, 40_000, 20):
        assert not wifi.step(now)
    assert len(station.did) == 2
    station.broken = False
    station.there = True
    assert wifi.step(40_000)
