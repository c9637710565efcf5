# SPDX-License-Identifier: BSD-3-Clause
"""What the answer of an entity is to who asked for a write or a read of its node (PROTOCOL.md section 3.5). Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from pyaiot.nodes.values import BadValue, read_value
from pyaiot.rpc.errors import METHOD_NOT_FOUND, RpcError
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON

#: Of what an entity answered so much is told.
MAX_REASON: Final = 512

_any: Final[msgspec.json.Decoder[JSON]] = msgspec.json.Decoder()


def read_answer(ending: msgspec.Raw | RpcError, name: str) -> tuple[JSON, JSON, str | None]:
    """What an entity answered to a read of ``name``: as it said it, as we read it, and its unit. Raises RpcError."""
    if isinstance(ending, RpcError):
        # Nothing was changed, so whoever left is just away.
        code = {"unsupported": "unsupported", "left": "offline"}.get(ending.name or "", write_code(ending))
        raise RpcError.of(code, ending.message[:MAX_REASON])
    try:
        data = codec.decode(_any, bytes(ending))
        codec.check_value(data)
        value, unit = read_value(data, resource=name)
    except (Malformed, BadValue) as error:
        raise RpcError.of("refused", f"what the entity answered is no value: {error}") from None
    return data, value, unit


def write_code(error: RpcError) -> str:
    """What a write ended with whose call ended with ``error`` (see broker/writes.py)."""
    if error.code == METHOD_NOT_FOUND:
        return "unsupported"
    # Who left had been asked: whether it was done is not known.
    told = {"unknown": "unknown", "left": "timeout", "timeout": "timeout", "busy": "busy"}
    return told.get(error.name or "", "refused")
