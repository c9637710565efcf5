# SPDX-License-Identifier: BSD-3-Clause
"""What devices say, as people read it on a terminal: values, units, times, tables. Pure.

Devices and users choose these texts, so no control character of theirs ever reaches the terminal.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from pyaiot.wire.messages import JSON

#: Units as people write them, where RFC 8428 writes them otherwise.
_UNITS: Final = {"Cel": "°C", "%RH": "% RH", "lon": "°", "lat": "°", "Ohm": "Ω", "/": "", "deg": "°"}
#: Why nodes go, as PROTOCOL.md section 3.5 names it.
_REASONS: Final = {
    "timeout": "was silent for too long",
    "closed": "closed its connection",
    "deregistered": "signed off",
    "gateway": "its gateway was away for too long",
    "forgotten": "its gateway came back without it",
}
_SPANS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
#: Between two columns.
_GAP: Final = 2
#: A column that is too long is not made shorter than this.
_LEAST: Final = 8


def clean(text: str) -> str:
    """``text`` on one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def shown(value: JSON, unit: str | None = None) -> str:
    """A value with its unit, such as ``21.5 °C``."""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    named = "" if unit is None else _UNITS.get(unit, unit)
    return clean(f"{text} {named}" if named else text)


def json_line(value: Any, encoding: str) -> str:
    """One line of JSON that no terminal obeys: what ``encoding`` lacks, too, is spelled ``\\u00b0``."""
    try:
        text = msgspec.json.encode(value).decode()
    except UnicodeEncodeError:  # half a sign, as JSON of others can have it, or a file name that is no UTF-8
        text = json.dumps(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c.isprintable() and _has(encoding, c) else _escaped(c) for c in text)


def _has(encoding: str, c: str) -> bool:
    try:
        c.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _escaped(c: str) -> str:
    """As JSON spells it, in UTF-16 (RFC 8259 section 7)."""
    units = c.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def ago(at_ms: int, now_ms: int) -> str:
    """How long ago, in the two largest units: ``12 s``, ``3 min 5 s``."""
    left = max(0, (now_ms - at_ms) // 1000)
    parts: list[str] = []
    for seconds, name in _SPANS:
        count, left = divmod(left, seconds)
        if count or (parts and len(parts) < 2):
            parts.append(f"{count} {name}")
        if len(parts) == 2:
            break
    return " ".join(parts) or "0 s"


def reason(why: str) -> str:
    """Why a node went."""
    return _REASONS.get(why, why)


def width(text: str) -> int:
    """How many places of a terminal ``text`` takes."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], places: int | None) -> str:
    """Aligned columns under their names; what is too long for a terminal ``places`` wide is cut (None: nothing is)."""
    cells = [[clean(cell) for cell in row] for row in (head, *rows)]
    widths = [max(width(row[column]) for row in cells) for column in range(len(head))]
    if places is not None:
        while sum(widths) + _GAP * (len(widths) - 1) > places and max(widths) > _LEAST:
            widths[widths.index(max(widths))] -= 1
    return "".join(_line(row, widths) for row in cells)


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cut = [_cut(cell, places) for cell, places in zip(row, widths, strict=True)]
    padded = [cell + " " * (places - width(cell)) for cell, places in zip(cut, widths, strict=True)]
    return (" " * _GAP).join(padded).rstrip() + "\n"


def _cut(text: str, places: int) -> str:
    if width(text) <= places:
        return text
    while text and width(text) > places - 1:
        text = text[:-1]
    return text + "…"
