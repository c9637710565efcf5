# SPDX-License-Identifier: BSD-3-Clause
"""Sensor Measurement Lists in JSON (SenML, RFC 8428), resolved to readings. Pure: the time comes in.

Base values count for their record and all behind it; names, times and values are added to theirs (section 4.5).
Numbers are added as the decimals that they are written as, so that 0.1 + 0.2 is 0.3.
"""

from __future__ import annotations

import re
from decimal import Decimal
from math import isfinite
from typing import Any, Final, NamedTuple

from pyaiot.gateway.adapter import MAX_AGE_MS
from pyaiot.gateway.http.report import BadPayload, Reading, Report
from pyaiot.wire.codec import MAX_INTEGER

#: Records in one pack.
MAX_RECORDS = 256
#: Times below are relative to now, all others are Unix times (section 4.5.3).
FIRST_ABSOLUTE_S: Final = 2**28
#: Versions that we understand: all up to that of RFC 8428, and it with secondary units (RFC 9100 section 3).
VERSION: Final = 10
VERSION_SECONDARY_UNITS: Final = 26

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9:./_-]*", re.ASCII)
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*", re.ASCII)
_NUMBER, _TEXT, _SWITCH = (int, float), (str,), (bool,)
#: The labels of section 4.3, with the JSON types of their values.
_LABELS: Final[dict[str, tuple[type, ...]]] = {
    **dict.fromkeys(("bn", "bu", "n", "u", "vs", "vd"), _TEXT),
    **dict.fromkeys(("bt", "bv", "bs", "bver", "v", "s", "t", "ut"), _NUMBER),
    "vb": _SWITCH,
}
_VALUES: Final = ("v", "vs", "vb", "vd")
#: Where a device's own id ends in a name that begins with it.
_ID_ENDS: Final = ("/", ":")


class _Resolved(NamedTuple):
    time_s: float
    reading: Reading


def parse_pack(records: list[Any], uid: str, now_s: float) -> Report:
    """The readings of a pack (a decoded JSON array), oldest first; ``now_s`` is Unix time in seconds.

    The resource is the concatenated name, without the device's own id where it begins with that (``uid/`` or
    ``uid:``). A measurement in the future counts as one of now. A record with a sum and no value is refused alone.
    Raises BadPayload for everything that breaks RFC 8428: then nothing of the pack is taken.
    """
    if not records:
        raise BadPayload("a SenML pack has at least one record")
    if len(records) > MAX_RECORDS:
        raise BadPayload(f"a SenML pack has at most {MAX_RECORDS} records here")
    base: dict[str, Any] = {}
    resolved: list[_Resolved] = []
    report = Report()
    for number, record in enumerate(records, 1):
        try:
            _resolve(record, base, uid, now_s, resolved, report)
        except BadPayload as error:
            raise BadPayload(f"SenML record {number}: {error}") from None
    # Section 4.6: in chronological order. What was measured last is told last, and so is the newest.
    resolved.sort(key=lambda each: each.time_s)
    report.readings = [each.reading for each in resolved]
    return report


def _resolve(
    record: Any, base: dict[str, Any], uid: str, now_s: float, resolved: list[_Resolved], report: Report
) -> None:
    if not isinstance(record, dict):
        raise BadPayload("it is not an object")
    _check_labels(record)
    _take_version(record, base)
    base.update((label, record[label]) for label in ("bn", "bt", "bu", "bv") if label in record)
    given = [label for label in _VALUES if label in record]
    if len(given) > 1:
        raise BadPayload(f"it has more than one value ({', '.join(given)})")
    if not given and not any(label in record for label in ("n", "u", "s", "t")):
        if not record:
            raise BadPayload("it is empty")
        return  # base values for those behind it
    resource = _resource(base.get("bn", "") + record.get("n", ""), uid)
    if given:
        data = record[given[0]]
        if given[0] == "v":
            data = _sum(base.get("bv", 0), data)
        elif given[0] == "vd" and (_BASE64URL.fullmatch(data) is None or len(data) % 4 == 1):
            raise BadPayload("vd is not base64url without padding")
    elif "bv" in base and "s" not in record:
        data = base["bv"]
    elif "s" in record:
        report.refused[resource] = "it has a sum and no value"
        return
    else:
        raise BadPayload("it has no value")
    time_s = _absolute(float(_sum(base.get("bt", 0), record.get("t", 0))), now_s)
    age_ms = int(min(max((now_s - time_s) * 1000, 0), MAX_AGE_MS))
    resolved.append(_Resolved(time_s, Reading(resource, data, record.get("u", base.get("bu")) or None, age_ms)))


def _check_labels(record: dict[str, Any]) -> None:
    for label, value in record.items():
        types = _LABELS.get(label)
        if types is None:
            if label.endswith("_"):  # section 4.4
                raise BadPayload(f"the label {label[:40]!r} must be understood, and is not")
        elif type(value) not in types:
            raise BadPayload(f"{label} is not {_kind(types)}")


def _kind(types: tuple[type, ...]) -> str:
    return "a number" if types is _NUMBER else "a text" if types is _TEXT else "true or false"


def _take_version(record: dict[str, Any], base: dict[str, Any]) -> None:
    """All records have one version (section 4.4); the first may say which, and others must not say another."""
    if "bver" not in record:
        base.setdefault("bver", VERSION)
        return
    version = record["bver"]
    if not (version == int(version) and (1 <= version <= VERSION or version == VERSION_SECONDARY_UNITS)):
        raise BadPayload(f"its version is not understood ({VERSION} is)")
    if base.setdefault("bver", version) != version:
        raise BadPayload("its version differs from that of the records before it")


def _resource(name: str, uid: str) -> str:
    if not name:
        raise BadPayload("it has no name")
    if _NAME.fullmatch(name) is None:
        raise BadPayload(
            "its name has other characters than A-Z a-z 0-9 - : . / _, or begins with one of the last five"
        )
    rest = name.removeprefix(uid)
    if rest != name and rest[:1] in _ID_ENDS:
        name = rest[1:]
    if not name:
        raise BadPayload("its name is the device's, and of no resource")
    return name


def _sum(one: int | float, other: int | float) -> int | float:
    if isinstance(one, int) and isinstance(other, int):
        total: int | float = one + other
        if abs(total) >= MAX_INTEGER:
            raise BadPayload("an integer is not below 2**53")
    elif not one:
        total = other
    elif not other:
        total = one
    else:
        total = float(Decimal(repr(one)) + Decimal(repr(other)))
        if not isfinite(total):
            raise BadPayload("a number is not finite")
    return total


def _absolute(time_s: float, now_s: float) -> float:
    return time_s if time_s >= FIRST_ABSOLUTE_S else now_s + time_s
