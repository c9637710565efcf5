# SPDX-License-Identifier: BSD-3-Clause
"""How a value that is written is spelled for devices that take text (PROTOCOL.md sections 1.1 to 1.3). Pure."""

from __future__ import annotations

import math
from typing import Final

import msgspec

from pyaiot.wire.messages import JSON

#: The longest data that is written to a device, in bytes.
MAX_WRITE: Final = 16 * 1024
#: From here on a double does not have every integer (RFC 7493 section 2.2).
_MAX_INTEGER: Final = 2**53


class CannotSay(ValueError):
    """The data is nothing that a device can be told; ``str()`` says why."""


def encode_data(data: JSON) -> bytes:
    """The text (UTF-8) for ``data``: text as it is, numbers in decimal, booleans as ``1`` and ``0``, else JSON.

    A number without a fraction is written without one: 1 and 1.0 are both ``1``, since firmware takes exactly one byte
    for an LED and JSON knows no difference. Raises CannotSay: None, a number that is not finite, an integer of 2**53
    and more, what is no JSON, and what is longer than MAX_WRITE.
    """
    if isinstance(data, bool):
        data = int(data)
    if isinstance(data, float):
        if not math.isfinite(data):
            raise CannotSay("a number is not finite")
        if data.is_integer() and abs(data) < _MAX_INTEGER:
            data = int(data)
    if data is None:
        raise CannotSay("null cannot be written to a device's resource")
    if isinstance(data, int) and abs(data) >= _MAX_INTEGER:
        raise CannotSay("an integer is not below 2**53")
    try:
        payload = data.encode() if isinstance(data, str) else msgspec.json.encode(data)
    except UnicodeEncodeError:
        raise CannotSay("the text has a lone surrogate") from None
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        raise CannotSay("the data is nothing that JSON can say") from None
    if len(payload) > MAX_WRITE:
        raise CannotSay(f"the data is longer than {MAX_WRITE} bytes")
    return payload
