# SPDX-License-Identifier: BSD-3-Clause
"""How a record of the log is written: for people, for programs (JSON), and with its priority for systemd's journal.

Whatever a peer has put into a record, one record is one line; only the traceback of a fault of ours has more in text,
indented, so that none looks like a line of ours.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final

#: A message and a traceback are cut behind so many characters: the journal splits longer lines (LineMax= is 48 KiB).
MAX_MESSAGE: Final = 8_000
MAX_EXCEPTION: Final = 16_000

#: What must not reach a terminal or a log raw, and how it is shown.
CONTROL: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_COLOURS: Final = {logging.DEBUG: "2", logging.WARNING: "33", logging.ERROR: "31", logging.CRITICAL: "31;1"}
#: Priorities of syslog(3), from the gravest level on.
_PRIORITIES: Final = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
_DEBUG_PRIORITY: Final = 7


class Text(logging.Formatter):
    """``time - logger - level - message``, in colours on a terminal."""

    def __init__(self, *, colours: bool = False, time: bool = True) -> None:
        super().__init__(f"{'%(asctime)s - ' if time else ''}%(name)14s - %(levelname)5s - %(message)s")
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """The record, as one line and those of its traceback."""
        text = super().format(record)
        colour = _COLOURS.get(record.levelno) if self._colours else None
        return f"\x1b[{colour}m{text}\x1b[0m" if colour else text

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line."""
        record.message = _cut(record.message, MAX_MESSAGE).translate(CONTROL)
        return super().formatMessage(record)

    def formatException(self, ei: Any) -> str:
        """The lines of a traceback."""
        lines = _cut(super().formatException(ei), MAX_EXCEPTION).split("\n")
        return "\n".join(f"    {line.translate(CONTROL)}" for line in lines)


class Json(logging.Formatter):
    """One object a line, in ASCII: ``time`` (RFC 3339, UTC), ``level``, ``logger``, ``service``, ``message``.

    And ``exception``, where there is one. docs/logs.md describes them; they do not change.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The record."""
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "service": self._service,
            "message": _cut_for_json(record.getMessage(), MAX_MESSAGE),
        }
        if record.exc_info:
            told["exception"] = _cut_for_json(self.formatException(record.exc_info), MAX_EXCEPTION)
        # The only control character that JSON lets stand.
        return json.dumps(told).replace("\x7f", "\\u007f")


class Journal(logging.Formatter):
    """What ``inner`` makes, each line with the record's priority before it (sd-daemon(3))."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """The record; of a traceback each line is one of the journal."""
        before = f"<{priority(record.levelno)}>"
        return "\n".join(before + line for line in self._inner.format(record).split("\n"))


def priority(level: int) -> int:
    """What syslog(3) calls a level of logging."""
    return next((number for least, number in _PRIORITIES if level >= least), _DEBUG_PRIORITY)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… ({len(text) - most:,} more characters)"


def _cut_for_json(text: str, most: int) -> str:
    """Likewise; no longer than twice that in ASCII, where one sign may become twelve: half an object is of no use."""
    cut = _cut(text, most)
    return cut if len(json.dumps(cut)) <= 2 * most else _cut(text, most // 6)
