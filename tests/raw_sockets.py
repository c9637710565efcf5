# SPDX-License-Identifier: BSD-3-Clause
"""What peers send that have no library to keep them from it: any bytes, and any frames of WebSocket."""

from __future__ import annotations

import asyncio
import os
import struct

from tests.patience import PATIENCE_S


async def converse(port: int, data: bytes, *, end: bool = True) -> bytes:
    """Send everything, take what comes until the other side hangs up, or after our ``end`` has no more to say."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = b""
    try:
        writer.write(data)
        if end:
            writer.write_eof()
        async with asyncio.timeout(PATIENCE_S):
            while chunk := await reader.read(65_536):
                answer += chunk
    except OSError:  # reset, or not even connected any more
        pass
    finally:
        writer.transport.abort()
    return answer


def frame(opcode: int, payload: bytes, *, fin: bool = True, mask: bool = True, reserved: int = 0) -> bytes:
    """A frame as a client sends it (RFC 6455 section 5.2), or not quite."""
    first = (0x80 if fin else 0) | (reserved << 4) | opcode
    bit = 0x80 if mask else 0
    if len(payload) < 126:
        head = bytes((first, bit | len(payload)))
    else:
        head = struct.pack("!BBH", first, bit | 126, len(payload))
    key = os.urandom(4) if mask else b""
    masked = bytes(byte ^ key[n % 4] for n, byte in enumerate(payload)) if mask else payload
    return head + key + masked
