# SPDX-License-Identifier: BSD-3-Clause
"""The type of a resource: what it is about, whatever it is called at its device (PROTOCOL.md section 3.5). Pure."""

from __future__ import annotations

from functools import lru_cache

#: What a unit says (RFC 8428 section 12.1, RFC 8798 section 3). Units of many quantities are not here (``%``, ``ppm``,
#: ``s``, ``dB``, ``B`` …): of those the name says more.
QUANTITIES = {
    "Cel": "temperature",
    "K": "temperature",
    "Pa": "pressure",
    "hPa": "pressure",
    "%RH": "humidity",
    "%EL": "battery",
    "lx": "illuminance",
    "lm": "luminous_flux",
    "W/m2": "irradiance",
    "V": "voltage",
    "mV": "voltage",
    "A": "current",
    "mA": "current",
    "W": "power",
    "kW": "power",
    "VA": "apparent_power",
    "Wh": "energy",
    "kWh": "energy",
    "J": "energy",
    "Ohm": "resistance",
    "S/m": "conductivity",
    "Hz": "frequency",
    "MHz": "frequency",
    "m": "length",
    "mm": "length",
    "cm": "length",
    "km": "length",
    "m/s": "speed",
    "km/h": "speed",
    "m/s2": "acceleration",
    "m2": "area",
    "m3": "volume",
    "l": "volume",
    "m3/s": "flow",
    "l/s": "flow",
    "mm/h": "precipitation",
    "g": "mass",
    "kg": "mass",
    "N": "force",
    "T": "magnetic_field",
    "rad": "angle",
    "deg": "angle",
    "pH": "acidity",
    "NTU": "turbidity",
    "bit/s": "data_rate",
}

#: Whose number is no count: without it they would be something else.
NUMBERED = frozenset(
    [
        "co2",
        "eco2",
        "no2",
        "so2",
        "o2",
        "o3",
        "h2",
        "n2",
        "ch4",
        "nh3",
        "pm1",
        "pm4",
        "pm10",
        "pm25",
        "pm1.0",
        "pm2.5",
        "pm4.0",
        "pm10.0",
        "ipv4",
        "ipv6",
        "md5",
        "sha1",
    ]
)

#: How many pairs of name and unit are remembered.
MAX_REMEMBERED = 4096


@lru_cache(MAX_REMEMBERED)
def resource_type(name: str, unit: str | None) -> str:
    """The type of the resource ``name`` whose values have that unit, in lower case.

    ``("t1", "Cel")`` is ``temperature``; ``("sensors/temperature2", None)`` is, too; ``("42", None)`` is ``42``.
    """
    if unit is not None and (quantity := QUANTITIES.get(unit)) is not None:
        return quantity
    last = name.rpartition("/")[2].lower()
    if last in NUMBERED:
        return last
    bare = last.rstrip("0123456789")
    return last if bare == last else bare.rstrip("._:-") or last
