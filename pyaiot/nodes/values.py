# SPDX-License-Identifier: BSD-3-Clause
"""What a device's words mean: ``"23.4°C"`` is the number 23.4 with the unit ``Cel``.

Units are spelled as in the SenML registry: RFC 8428 section 12.1 (``Cel``, ``lx``, ``%RH``) and, where the
value is not converted, the secondary units of RFC 8798 section 3 (``hPa``, ``ppm``, ``ug/m3``). Two spellings
are ours because the registry has none: ``ppb``, and ``%`` for a percentage that is neither humidity (``%RH``)
nor battery (``%EL``). The value is never scaled: ``1013.25hPa`` stays 1013.25.

Rules for text, in this order:

- the text of a resource that names something (``name``, ``version`` …) stays text, whatever it looks like;
- a decimal number, alone or before a unit of the table below, becomes a number, so an LED's ``"0"`` becomes 0
  (``"007"`` is no number: nobody writes one so, and identifiers are written so);
- text that is a JSON object or array becomes that;
- everything else stays text.
"""

from __future__ import annotations

import math
import re

import msgspec

from pyaiot.wire.codec import MAX_DEPTH, MAX_INTEGER
from pyaiot.wire.messages import JSON

#: Longer text is never a number, and is not looked at for one.
MAX_NUMBER_TEXT = 48

#: Resources whose value names something: ``"1.10"`` is another version than ``"1.1"``.
TEXT_RESOURCES = frozenset({"name", "board", "mcu", "os", "version", "appid", "id", "ip", "protocol", "js", "account"})

_NUMBER = re.compile(
    r"([+-]?(?:0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?(?:[eE]([+-]?[0-9]{1,3}))?)[ \u00a0]?([^\s0-9]\S{0,11})?"
)

# How devices write a unit → how RFC 8428 and RFC 8798 do.
_UNITS: dict[str | None, str | None] = {
    None: None,
    "°C": "Cel", "ºC": "Cel", "℃": "Cel", "degC": "Cel", "Cel": "Cel", "K": "K",
    "Pa": "Pa", "hPa": "hPa", "mbar": "hPa",
    "%": "%", "%RH": "%RH", "%rH": "%RH", "%EL": "%EL",
    "ppm": "ppm", "ppb": "ppb",
    "g/m3": "g/m3", "g/m³": "g/m3", "mg/m3": "mg/m3", "mg/m³": "mg/m3",
    "ug/m3": "ug/m3", "µg/m3": "ug/m3", "µg/m³": "ug/m3", "μg/m3": "ug/m3", "μg/m³": "ug/m3",
    "lx": "lx", "lux": "lx", "lm": "lm", "W/m2": "W/m2", "W/m²": "W/m2",
    "V": "V", "mV": "mV", "A": "A", "mA": "mA", "W": "W", "kW": "kW", "Wh": "Wh", "kWh": "kWh", "VA": "VA",
    "Ohm": "Ohm", "\u03a9": "Ohm", "\u2126": "Ohm", "S/m": "S/m",
    "Hz": "Hz", "MHz": "MHz", "1/s": "1/s", "1/min": "1/min",
    "m": "m", "mm": "mm", "cm": "cm", "km": "km", "m/s": "m/s", "km/h": "km/h", "m/s2": "m/s2", "m/s²": "m/s2",
    "m2": "m2", "m3": "m3", "l": "l", "m3/s": "m3/s", "l/s": "l/s", "mm/h": "mm/h",
    "s": "s", "ms": "ms", "min": "min", "h": "h",
    "g": "g", "kg": "kg", "N": "N", "J": "J", "T": "T", "rad": "rad", "deg": "deg", "°": "deg",
    "dB": "dB", "dBm": "dBm", "pH": "pH", "NTU": "NTU", "bit/s": "bit/s", "B": "B", "KiB": "KiB",
}  # fmt: skip

# What a unit means on some resources: a bare per cent says nothing, and "C" is a Coulomb elsewhere.
_UNITS_ON: dict[tuple[str, str], str] = {
    ("humidity", "%"): "%RH",
    ("battery", "%"): "%EL",
    ("temperature", "C"): "Cel",
}


class BadValue(ValueError):
    """``data`` is nothing that the link may carry; ``str()`` says why, fit to send to a device."""


def read_value(data: JSON, *, resource: str = "") -> tuple[JSON, str | None]:
    """The value that ``data`` stands for, and its unit if ``data`` says one.

    ``data`` is what a device gave, text or parsed JSON; ``resource`` is the name of what it was given for
    (the last part counts: ``room/humidity`` is a humidity).

    Raises BadValue where a number in parsed JSON is not finite or an integer is not below 2**53, or where it
    nests deeper than 16. Text never raises: what cannot be read stays text.
    """
    if type(data) is str:
        # The first character decides in most cases; a regular expression is asked only for what may be a number.
        first = data[:1]
        if first in "0123456789+-" and first:
            return _read_number(data, resource)
        if first == "{" or first == "[":
            return (data if resource in TEXT_RESOURCES else _read_json(data)), None
        return data, None
    _check(data, MAX_DEPTH)
    return data, None


def _read_number(text: str, resource: str) -> tuple[JSON, str | None]:
    if len(text) > MAX_NUMBER_TEXT:
        return text, None
    match = _NUMBER.fullmatch(text)
    if match is None:
        return text, None
    number, fraction, exponent, unit = match.groups()
    resource = resource.rpartition("/")[2]
    if resource in TEXT_RESOURCES:
        return text, None
    known = _UNITS_ON.get((resource, unit)) or _UNITS.get(unit)
    if known is None and unit is not None:
        return text, None
    value: int | float
    if fraction is None and exponent is None:
        value = int(number)
        if not -MAX_INTEGER < value < MAX_INTEGER:
            return text, None
    else:
        value = float(number)
        if not math.isfinite(value):
            return text, None
    return value, known


def _read_json(text: str) -> JSON:
    try:
        value = msgspec.json.decode(text)
        _check(value, MAX_DEPTH)
    except (msgspec.DecodeError, BadValue, RecursionError, UnicodeError):
        return text
    return value


def _check(data: JSON, depth: int) -> None:
    """Refuse what other JSON implementations would read otherwise or not at all."""
    kind = type(data)
    if kind is str or kind is bool or data is None:
        return
    if kind is int:
        if not -MAX_INTEGER < data < MAX_INTEGER:
            raise BadValue("an integer is not below 2**53")
    elif kind is float:
        if not math.isfinite(data):
            raise BadValue("a number is not finite")
    elif kind is list or kind is dict:
        if depth == 0:
            raise BadValue(f"the data nests deeper than {MAX_DEPTH}")
        if kind is dict and not all(type(key) is str for key in data):
            raise BadValue("the name of a member is not text")
        for item in data.values() if kind is dict else data:
            _check(item, depth - 1)
    else:
        raise BadValue(f"{kind.__name__} is nothing that JSON can say")
