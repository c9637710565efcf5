# SPDX-License-Identifier: BSD-3-Clause
"""Which requests were seen already, and what was answered (RFC 7252 section 4.5), in bounded memory.

aiocoap keeps 2 KB a request for EXCHANGE_LIFETIME, without a limit; this keeps some 500 bytes for at most
``limit`` requests. A duplicate is the same message id *and* the same bytes from the same address: a device
that rebooted and counts from the start again is not taken for its former self.
"""

from __future__ import annotations

from typing import TypeAlias

from pyaiot.gateway.coap.contacts import SockAddr

#: RFC 7252 section 4.8.2.
EXCHANGE_LIFETIME_S = 247.0
#: The most requests that are remembered.
LIMIT = 32768

_Key: TypeAlias = tuple[SockAddr, int]


class Exchanges:
    """Two generations of requests: the younger takes new ones, the older is dropped as a whole.

    A request is remembered for at least ``lifetime_s``, unless more than ``limit`` / 2 came after it.
    """

    def __init__(self, *, lifetime_s: float = EXCHANGE_LIFETIME_S, limit: int = LIMIT) -> None:
        self._lifetime_s = lifetime_s
        self._half = max(1, limit // 2)
        self._young: dict[_Key, int | bytes] = {}
        self._old: dict[_Key, int | bytes] = {}
        self._turn_at = 0.0

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def seen(self, source: SockAddr, datagram: bytes, now: float) -> bytes | bool:
        """True for a duplicate, its answer for one that was answered, else False: it is new, and is remembered.

        ``datagram`` is a whole message of at least 4 bytes; ``now`` is in seconds on a clock that never steps.
        """
        key = (source, datagram[2] << 8 | datagram[3])
        digest = hash(datagram)
        known = self._young.get(key)
        if known is None:
            known = self._old.get(key)
        if known is not None:
            if known == digest:
                return True
            # An answered request is kept as its digest (8 bytes) and the answer.
            if isinstance(known, bytes) and known[:8] == _pack(digest):
                return known[8:]
        if now >= self._turn_at or len(self._young) >= self._half:
            self._old, self._young = self._young, {}
            self._turn_at = now + self._lifetime_s
        self._young[key] = digest
        return False

    def answered(self, source: SockAddr, answer: bytes) -> None:
        """Remember the datagram that answers the request of the same message id from ``source``."""
        key = (source, answer[2] << 8 | answer[3])
        digest = self._young.get(key)
        if isinstance(digest, int):
            self._young[key] = _pack(digest) + answer


def _pack(digest: int) -> bytes:
    return digest.to_bytes(8, "big", signed=True)
