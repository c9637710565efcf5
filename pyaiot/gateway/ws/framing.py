# SPDX-License-Identifier: BSD-3-Clause
"""The short way for what devices send all day: a read that is one whole text frame (RFC 6455 section 5.2). Pure.

Everything else goes through websockets' protocol, which also judges what is improper: here nothing is refused.
"""

from __future__ import annotations

_FIN_TEXT = 0x81
_MASKED = 0x80
#: Head and mask of a frame with a length of 7 bits, and with one of 16.
_SHORT_HEAD, _LONG_HEAD = 6, 8


def whole_text(data: bytes, limit: int) -> bytes | None:
    """The payload, if ``data`` is exactly one masked, final text frame of at most ``limit`` bytes; else None."""
    size = len(data)
    if size < _SHORT_HEAD or data[0] != _FIN_TEXT:
        return None
    length = data[1] - _MASKED
    if 0 <= length < 126:
        head = _SHORT_HEAD
    elif length == 126 and size >= _LONG_HEAD:
        head, length = _LONG_HEAD, int.from_bytes(data[2:4])
    else:
        return None
    if size != head + length or length > limit:
        return None
    mask = data[head - 4 : head] * ((length + 3) // 4)
    return (int.from_bytes(data[head:]) ^ int.from_bytes(mask[:length])).to_bytes(length)


def ends_whole(data: bytes) -> bool:
    """Whether ``data``, which begins with a frame as a device sends it, ends with the end of one; if unsure, no."""
    at, size = 0, len(data)
    while at < size:
        length = data[at + 1] & 0x7F if at + 1 < size else 127
        if length < 126:
            at += _SHORT_HEAD + length
        elif length == 126 and at + 3 < size:
            at += _LONG_HEAD + int.from_bytes(data[at + 2 : at + 4])
        else:
            return False  # cut off, or longer than any that is taken
    return at == size
