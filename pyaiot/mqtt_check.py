# SPDX-License-Identifier: BSD-3-Clause
"""The payload of ``node/check`` (PROTOCOL.md section 1.2): who a device says it is. Pure.

Here for both who need it, so that the MQTT broker never lets through one id and the gateway reads another.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pyaiot.wire.names import is_name

#: What is ignored around every payload of a device.
PADDING: Final = b"\0 \t\r\n"
#: What msgspec raises for bytes that are not the JSON asked for. RecursionError: it nests too deep.
NOT_JSON: Final = (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError)

_SEND_ID: Final = 'send {"id": "<node id>"}'


class BadPayload(ValueError):
    """A payload that cannot be read; ``str()`` says what is wrong, and what to send."""


class _Check(msgspec.Struct):
    id: str | int


_decode_check = msgspec.json.Decoder(_Check).decode


def parse_check(payload: bytes) -> str:
    """The id in ``{"id": "<node id>"}``; a number is taken as text. Raises BadPayload."""
    try:
        read = _decode_check(payload.strip(PADDING))
    except NOT_JSON as error:
        raise BadPayload(f"{fault(error)}: {_SEND_ID}") from None
    uid = str(read.id)
    if not is_name(uid):
        raise BadPayload(f"the id is not 1 to 64 characters of A-Z a-z 0-9 . _ : -: {_SEND_ID}")
    return uid


def fault(error: Exception, other_json: str = "it is JSON of another kind") -> str:
    """What is wrong, in few words, and none of the device's own."""
    return other_json if isinstance(error, msgspec.ValidationError) else "it is no JSON"
