# SPDX-License-Identifier: BSD-3-Clause
"""Whether a notification is newer than the one before it (RFC 7641 section 3.4)."""

from __future__ import annotations

#: After so long any number counts as newer.
FORGET_AFTER_S = 128.0
_HALF = 2**23


class Freshness:
    """The order of the notifications of one observation."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._at = 0.0

    def is_newer(self, number: int, now: float) -> bool:
        """Whether the notification with the Observe value ``number``, come at ``now``, is the newest so far.

        ``now`` is in seconds, on a clock that never steps. If so, later ones are compared with it.
        """
        if self._number is not None:
            ahead = (number - self._number) % (2 * _HALF)
            if not 0 < ahead < _HALF and now <= self._at + FORGET_AFTER_S:
                return False
        self._number, self._at = number % (2 * _HALF), now
        return True
