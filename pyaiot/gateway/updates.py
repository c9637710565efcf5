# SPDX-License-Identifier: BSD-3-Clause
"""A device's value as an update that the link can carry: as it was said, as it is read, and within bounds. Pure."""

from __future__ import annotations

from msgspec import UNSET

from pyaiot.nodes.values import read_value
from pyaiot.wire.codec import check_value, encode
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON, Update

#: The longest value, encoded; and the longest update, which carries it twice (as said and as read).
MAX_VALUE_BYTES = 16 * 1024
MAX_UPDATE_BYTES = 2 * MAX_VALUE_BYTES + 1024
#: A longer unit is not told.
MAX_UNIT_CHARACTERS = 64


def encode_update(uid: str, resource: str, data: JSON, at: int, unit: str | None = None) -> tuple[bytes, bool]:
    """The update that tells ``data``, encoded; and whether the value in it is what was read from ``data``.

    ``at`` is Unix milliseconds; ``unit``, where the device said one, is told in place of one in ``data``. Of what would
    be too long with its value as read, it is told as it was said. Raises Malformed or BadValue: the link carries no
    such value, or none so long.
    """
    check_value(data)
    value, found = read_value(data, resource=resource)
    try:
        check_value(value)
    except Malformed:
        value, found = data, None
    if unit is not None and len(unit) <= MAX_UNIT_CHARACTERS:
        found = unit
    spelled = UNSET if found is None else found
    try:
        update = encode(Update(uid=uid, resource=resource, data=data, value=value, unit=spelled, at=at))
    except (UnicodeError, TypeError, ValueError):
        raise Malformed("the value is no proper text") from None
    if len(update) > MAX_VALUE_BYTES:
        if len(encode(data)) > MAX_VALUE_BYTES:
            raise Malformed(f"a value has at most {MAX_VALUE_BYTES} bytes")
        if len(update) > MAX_UPDATE_BYTES:
            return encode(Update(uid=uid, resource=resource, data=data, value=data, at=at)), False
    return update, True
