# SPDX-License-Identifier: BSD-3-Clause
"""What devices put into MQTT payloads (PROTOCOL.md section 1.2). Pure.

NUL bytes and white space around a payload are ignored. Everything that cannot be read raises :class:`BadPayload` and
nothing else.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.mqtt_check import NOT_JSON, PADDING, fault
from pyaiot.mqtt_check import BadPayload as BadPayload
from pyaiot.mqtt_check import parse_check as parse_check
from pyaiot.wire.messages import JSON, About
from pyaiot.wire.names import is_name

#: How JSON that is not a bare word begins, other than numbers; what begins so and is none was meant to be JSON.
_JSON_BEGINS: Final = b'{["'
_NUMBER_BEGINS: Final = b"-0123456789"
_WORDS: Final[dict[bytes, JSON]] = {b"true": True, b"false": False, b"null": None}

_SEND_VALUE: Final = 'send {"value": 21.5}, or the bare value'
_NO_VALUE: Final = 'it is an object without "value", or with a "unit" that is no text or an "age" that is no number'
_SEND_RESOURCES: Final = 'send ["name", "led"]'
_NOTHING: Final = About()
_MEMBERS: Final = About.__struct_fields__


class Value(NamedTuple):
    """What a device reported: its value, the unit as RFC 8428 spells it, and how long ago it was measured."""

    data: JSON
    unit: str | None = None
    age_ms: int = 0


class _Value(msgspec.Struct):
    value: Any
    unit: str | None = None
    age: int | float | None = None


_decode_value = msgspec.json.Decoder(_Value).decode


class _Described(About, frozen=True, kw_only=True):
    """A resource by its name, with what else is known of it."""

    name: str


_decode_resources = msgspec.json.Decoder(list[str | _Described]).decode
_decode_any = msgspec.json.Decoder().decode


def parse_value(payload: bytes) -> Value:
    """Read ``{"value": <JSON>, "unit": "Cel", "age": 1500}``, or a bare value; raises BadPayload.

    Bare: a JSON number, text, boolean, null or array, or text that does not look like JSON (``21.5°C``).
    """
    payload = payload.strip(PADDING)
    if payload[:1] == b"{":
        try:
            read = _decode_value(payload)
        except NOT_JSON as error:
            raise BadPayload(f"{fault(error, _NO_VALUE)}: {_SEND_VALUE}") from None
        if read.age is None:
            return Value(read.value, read.unit)
        return Value(read.value, read.unit, int(min(max(read.age, 0), MAX_AGE_MS)))
    return Value(_parse_bare(payload))


def _parse_bare(payload: bytes) -> JSON:
    if not payload:
        raise BadPayload(f"it is empty: {_SEND_VALUE}")
    first = payload[0]
    if first in _JSON_BEGINS:
        try:
            data: JSON = _decode_any(payload)
        except NOT_JSON as error:
            raise BadPayload(f"{fault(error)}: {_SEND_VALUE}") from None
        return data
    if first in _NUMBER_BEGINS:
        try:
            data = _decode_any(payload)
        except NOT_JSON:
            pass  # 21.5°C, 10:30, 007
        else:
            return data
    elif payload in _WORDS:
        return _WORDS[payload]
    try:
        return payload.decode()
    except UnicodeDecodeError:
        raise BadPayload(f"it is not UTF-8: {_SEND_VALUE}") from None


def parse_resources(payload: bytes) -> dict[str, About]:
    """The names in ``["name", {"name": "led", "writable": true}, …]``, and what is said of each, which may be nothing.

    Raises BadPayload: it is no such list, a name in it cannot be one, or what is said is too long or of another kind.
    """
    try:
        listed = _decode_resources(payload.strip(PADDING))
    except NOT_JSON as error:
        raise BadPayload(f"{fault(error)}: {_SEND_RESOURCES}") from None
    resources: dict[str, About] = {}
    for item in listed:
        name = item if isinstance(item, str) else item.name
        if not is_name(name):
            raise BadPayload(f"{name[:80]!r} is not 1 to 64 characters of A-Z a-z 0-9 . _ : -: {_SEND_RESOURCES}")
        resources[name] = _NOTHING if isinstance(item, str) else About(*(getattr(item, each) for each in _MEMBERS))
    return resources
