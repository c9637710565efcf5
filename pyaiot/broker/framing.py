# SPDX-License-Identifier: BSD-3-Clause
"""The frames of WebSocket messages that the broker writes itself (RFC 6455 section 5). Pure."""

from __future__ import annotations

import struct


def text_frame(payload: bytes) -> bytes:
    """One unmasked, unfragmented text message (RFC 6455 section 5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81%c%b" % (length, payload)
    if length < 65_536:
        return struct.pack("!BBH", 0x81, 126, length) + payload
    return struct.pack("!BBQ", 0x81, 127, length) + payload
