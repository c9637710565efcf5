# SPDX-License-Identifier: BSD-3-Clause
"""What the other side takes, so that what it does not take is a fault here, and not silence there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from pyaiot.rpc.messages import ENVELOPE_DEPTH, MAX_DEPTH
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON


class NotSayable(ValueError):
    """It cannot be sent; the text says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_bytes`` of a message, None: any; ``max_depth`` of its nesting. Numbers: PROTOCOL.md section 3.2."""

    max_bytes: int | None = None
    max_depth: int = MAX_DEPTH

    def check(self, value: JSON, encoded: bytes) -> None:
        """Judge a message, ``encoded``, and the ``value`` in it: params, result or an error's data. Raises NotSayable.

        The value itself is looked at because msgspec writes NaN as null.
        """
        if self.max_bytes is not None and len(encoded) > self.max_bytes:
            raise NotSayable(f"the message has {len(encoded):,} bytes, and {self.max_bytes:,} is the most")
        try:
            plain = _lists(msgspec.to_builtins(value, str_keys=True, enc_hook=_read))
            codec.check_value(plain, self.max_depth - ENVELOPE_DEPTH)
        except Malformed as error:
            raise NotSayable(str(error)) from None


def _read(value: object) -> JSON:
    if isinstance(value, msgspec.Raw):
        return msgspec.json.decode(value)
    raise TypeError(f"JSON has no {type(value).__name__}")


def _lists(value: JSON) -> JSON:
    """Tuples are arrays, too."""
    if isinstance(value, list | tuple):
        return [_lists(each) for each in value]
    if isinstance(value, dict):
        return {name: _lists(each) for name, each in value.items()}
    return value
