# SPDX-License-Identifier: BSD-3-Clause
"""What the board says on its console: one line an event; what repeats is not told each time."""

import sys

from micropython import const

from aiot import clock

#: The same complaint is told once in this time, with how often it was left out since.
_QUIET_MS = const(60000)
#: So many different complaints are remembered; beyond that the memory begins anew.
_MAX_COMPLAINTS = const(16)

_told = {}


def say(text):
    """One line, with the seconds since the start."""
    print("[%7d] %s" % (clock.now() // 1000, text))


def complain(about, text):
    """Something is wrong with ``about``; true when it was told, which it is once a minute for each ``about``."""
    now = clock.now()
    told = _told.get(about)
    if told is not None and now - told[0] < _QUIET_MS:
        told[1] += 1
        return False
    if told is None and len(_told) >= _MAX_COMPLAINTS:
        _told.clear()
    say(text if told is None or not told[1] else "%s (and %d more like it)" % (text, told[1]))
    _told[about] = [now, 0]
    return True


def fault(where, error):
    """An exception in ``where``, which went on: with its traceback, now and then."""
    if complain(where, "%s failed: %s %s" % (where, type(error).__name__, error)) and hasattr(sys, "print_exception"):
        sys.print_exception(error)  # MicroPython only
