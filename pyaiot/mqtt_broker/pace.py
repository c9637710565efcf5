# SPDX-License-Identifier: BSD-3-Clause
"""How fast a client may go: a bucket of messages and one of bytes. Pure: times are in seconds and come in."""

from __future__ import annotations


class Bucket:
    """``rate`` a second in the long run, ``burst`` at once. Takes what comes, and says how long to wait after it."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = now

    def take(self, amount: float, now: float) -> float:
        """Take ``amount``; seconds until the bucket owes nothing any more."""
        self._level = min(self._burst, self._level + (now - self._at) * self._rate) - amount
        self._at = now
        return -self._level / self._rate if self._level < 0 else 0.0


class Pace:
    """Messages and bytes of one client."""

    def __init__(self, messages_per_s: float, bytes_per_s: float, now: float) -> None:
        self._messages = Bucket(messages_per_s, 2 * messages_per_s, now)
        self._bytes = Bucket(bytes_per_s, 2 * bytes_per_s, now)

    def take(self, size: int, now: float) -> float:
        """A message of ``size`` bytes was read; seconds until the next one may be."""
        return max(self._messages.take(1, now), self._bytes.take(size, now))
