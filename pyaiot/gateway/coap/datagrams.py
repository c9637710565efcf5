# SPDX-License-Identifier: BSD-3-Clause
"""Which datagrams are worth decoding: a look at a few bytes, before anything is made of the rest."""

from __future__ import annotations

#: The most options of a message; aiocoap takes 1 ms for 500 of them, and a datagram has room for 4,000.
MAX_OPTIONS = 64

_CON, _NON, _ACK, _RST = 0, 1, 2, 3
_EMPTY = 0


def is_message(data: bytes) -> bool:
    """Whether ``data`` has the form of a CoAP message with at most 64 options; they may still be nonsense."""
    return _is_sensible(data) and (len(data) <= MAX_OPTIONS or _has_few_options(data))


def is_to_group(pktinfo: bytes) -> bool:
    """Whether a datagram with this struct in6_pktinfo was sent to a multicast or the broadcast address."""
    if pktinfo[0] == 0xFF:
        return True
    return pktinfo[0] == 0 and pktinfo[10] == 0xFF and pktinfo[12] >= 224 and pktinfo[:10] == bytes(10)


def _is_sensible(data: bytes) -> bool:
    """Whether the four fixed bytes are those of a message (RFC 7252 section 3, table 1 in section 4.3)."""
    if len(data) < 4 or data[0] >> 6 != 1 or data[0] & 0x0F > 8 or len(data) < 4 + (data[0] & 0x0F):
        return False
    kind, code = data[0] >> 4 & 3, data[1]
    if code == _EMPTY:
        return len(data) == 4 and kind != _NON
    if code < 32:
        return kind in (_CON, _NON)
    return 64 <= code < 192 and kind != _RST


def _has_few_options(data: bytes) -> bool:
    """Whether there are no more than MAX_OPTIONS (RFC 7252 section 3.1); says nothing of their contents."""
    at, end = 4 + (data[0] & 0x0F), len(data)
    for _ in range(MAX_OPTIONS + 1):
        if at >= end or data[at] == 0xFF:
            return True
        delta, length = data[at] >> 4, data[at] & 0x0F
        at += 1 + max(0, delta - 12)  # 13: one more byte, 14: two
        if length > 12:
            extended = length - 12
            length = int.from_bytes(data[at : at + extended], "big") + (13 if extended == 1 else 269)
            at += extended
        at += length
    return False
