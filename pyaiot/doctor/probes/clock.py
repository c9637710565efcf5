# SPDX-License-Identifier: BSD-3-Clause
"""Whether somebody keeps the clock right, as the kernel knows it: NTP, chrony and systemd tell it by adjtimex(2)."""

from __future__ import annotations

import ctypes
from typing import Final

_UNSYNCHRONISED: Final = 0x40


class _Timex(ctypes.Structure):
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("maximum_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )


def synchronised() -> bool | None:
    """None where the kernel does not say. It is only asked: nothing is set."""
    timex = _Timex()
    try:
        if ctypes.CDLL(None).adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):
        return None
    return not timex.status & _UNSYNCHRONISED
