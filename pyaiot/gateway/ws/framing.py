# SPDX-License-Identifier: BSD-3-Clause
"""Frames as bytes (RFC 6455 section 5.2): how much is taken at once, and the short way for one whole text frame. Pure.

That is what devices send all day. Everything else goes through websockets' protocol, which also judges what is
improper: here nothing is refused.
"""

from __future__ import annotations

_FIN_TEXT = 0x81
_MASKED = 0x80
#: Head and mask of a frame with a length of 7 bits, and with one of 16.
_SHORT_HEAD, _LONG_HEAD = 6, 8
#: The same with a length of 64 bits; and how the two are announced.
_LONGEST_HEAD = 14
_LENGTH_16 = 126
#: What is taken at once of what came: so many frames, and none any more once they have so many bytes together.
SLICE_FRAMES = 16
SLICE_BYTES = 1_024


def whole_text(data: bytes, limit: int) -> bytes | None:
    """The payload, if ``data`` is exactly one masked, final text frame of at most ``limit`` bytes; else None."""
    size = len(data)
    if size < _SHORT_HEAD or data[0] != _FIN_TEXT:
        return None
    length = data[1] - _MASKED
    if 0 <= length < _LENGTH_16:
        head = _SHORT_HEAD
    elif length == _LENGTH_16 and size >= _LONG_HEAD:
        head, length = _LONG_HEAD, int.from_bytes(data[2:4])
    else:
        return None
    if size != head + length or length > limit:
        return None
    mask = data[head - 4 : head] * ((length + 3) // 4)
    return (int.from_bytes(data[head:]) ^ int.from_bytes(mask[:length])).to_bytes(length)


def slice_end(data: bytes, begun: int) -> tuple[int, int]:
    """How much of ``data`` to take at once, in bytes, and how much of the last frame of it is still to come.

    ``data`` begins with the ``begun`` bytes of a frame of which the rest was taken already. 0: nothing, before more
    has come. What is improper is for others to judge, which they do at its head: all of it is taken.
    """
    size, end, frames = len(data), begun, 0
    while end < size and end < SLICE_BYTES and frames < SLICE_FRAMES:
        if end + 1 >= size:
            break
        length = data[end + 1] - _MASKED
        if length < 0:
            return size, 0
        if length < _LENGTH_16:
            end += _SHORT_HEAD + length
        elif length == _LENGTH_16:
            if end + _LONG_HEAD > size:
                break
            end += _LONG_HEAD + int.from_bytes(data[end + 2 : end + 4])
        else:
            if end + _LONGEST_HEAD > size:
                break
            end += _LONGEST_HEAD + int.from_bytes(data[end + 2 : end + 10])
        frames += 1
    return (size, end - size) if end > size else (end, 0)
