# SPDX-License-Identifier: BSD-3-Clause
"""The bodies of requests and answers (PROTOCOL.md section 1.4): JSON, as strict as on the gateway link. Pure.

A report is an object of values by resource, or a SenML pack, which is an array. What cannot be read raises
:class:`report.BadPayload` and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any, Final

import msgspec

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.gateway.http.commands import Command
from pyaiot.gateway.http.report import BadPayload, Reading, Report
from pyaiot.gateway.http.senml import parse_pack
from pyaiot.wire.codec import decode, encode
from pyaiot.wire.errors import Malformed

#: The longest body that is read, in bytes.
MAX_BODY_BYTES: Final = 65_536
#: Values in one object; as many as records in a SenML pack.
MAX_VALUES: Final = 256
MAX_UNIT_CHARACTERS: Final = 64

SENML: Final = "application/senml+json"
#: Types that JSON comes with. The last one is what ``curl -d`` says unasked.
PLAIN_TYPES: Final = frozenset(("", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded"))
_CHARSETS: Final = frozenset(("utf-8", "utf8", "us-ascii"))
#: What an object may have that is a value with what belongs to it.
_KEYS: Final = frozenset(("value", "unit", "age"))

_SEND: Final = 'send {"temperature": 21.5}, or a SenML array'

_any: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class UnsupportedType(ValueError):
    """A Content-Type that is not read; ``str()`` says which are."""


def is_senml(content_type: str) -> bool:
    """Whether a body of this ``Content-Type`` has to be SenML; others may be. Raises UnsupportedType."""
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in _CHARSETS:
            raise UnsupportedType("send UTF-8")
    if kind == SENML:
        return True
    if kind not in PLAIN_TYPES:
        raise UnsupportedType(f"send application/json or {SENML}")
    return False


def parse_report(body: bytes, uid: str, now_s: float, *, senml: bool = False) -> Report:
    """Read what the device ``uid`` reports; ``senml``: it must be SenML. ``now_s`` is Unix time in seconds.

    NUL bytes at the end are ignored. An empty body reports nothing. Raises BadPayload.
    """
    body = body.rstrip(b"\0")
    if not body.strip():
        return Report()
    try:
        tree = decode(_any, body)
    except Malformed as error:
        raise BadPayload(f"the body cannot be read as JSON ({error}): {_SEND}") from None
    if isinstance(tree, list):
        return parse_pack(tree, uid, now_s)
    if senml:
        raise BadPayload("a SenML pack is an array of records")
    if not isinstance(tree, dict):
        raise BadPayload(f"a bare value is of no resource: {_SEND}")
    if len(tree) > MAX_VALUES:
        raise BadPayload(f"a request has at most {MAX_VALUES} values")
    report = Report()
    for resource, said in tree.items():
        try:
            report.readings.append(_read(resource, said))
        except BadPayload as error:
            report.refused[resource] = str(error)
    return report


def _read(resource: str, said: Any) -> Reading:
    """``{"value": 21.5, "unit": "Cel", "age": 1500}``, or the value itself, which may be any other object."""
    if not isinstance(said, dict) or "value" not in said:
        return Reading(resource, said)
    if not said.keys() <= _KEYS:
        raise BadPayload('beside "value" there may be "unit" and "age"')
    unit, age_ms = said.get("unit"), said.get("age", 0)
    if unit is not None and not (isinstance(unit, str) and len(unit) <= MAX_UNIT_CHARACTERS):
        raise BadPayload(f'"unit" is not a text of at most {MAX_UNIT_CHARACTERS} characters')
    if isinstance(age_ms, bool) or not isinstance(age_ms, int | float) or not (isfinite(age_ms) and age_ms >= 0):
        raise BadPayload('"age" is not how many milliseconds ago it was measured')
    return Reading(resource, said["value"], unit or None, int(min(age_ms, MAX_AGE_MS)))


def encode_refused(refused: Mapping[str, str]) -> bytes:
    """The answer to a report of which some was not taken: why, by resource."""
    return encode({"refused": dict(refused)})


def encode_commands(commands: Iterable[Command]) -> bytes:
    """The answer to a device that fetches its commands."""
    return encode({"writes": [{"id": each.id, "resource": each.resource, "value": each.data} for each in commands]})
