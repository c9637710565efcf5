# SPDX-License-Identifier: BSD-3-Clause
"""How long to wait before the next try. Pure: chance is given in.

A random part of a ceiling that doubles, so that many boards whose router restarted do not come back in step.
"""

from micropython import const

_FIRST_MS = const(1000)
_CEILING_MS = const(30000)
_LEAST_MS = const(100)


class Backoff:
    """``bits16`` gives a random integer below 65536."""

    def __init__(self, bits16):
        self._bits16 = bits16
        self._ceiling = _FIRST_MS

    def failed(self):
        """Another try failed: how many milliseconds to wait."""
        wait = _LEAST_MS + (self._ceiling * self._bits16() >> 16)
        self._ceiling = min(2 * self._ceiling, _CEILING_MS)
        return wait

    def succeeded(self):
        """It works: the next failure is a first one."""
        self._ceiling = _FIRST_MS
