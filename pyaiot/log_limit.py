# SPDX-License-Identifier: BSD-3-Clause
"""Keeps hostile peers from filling the disk: the same thing is logged only so often a minute, then it is counted."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

WINDOW_S = 60.0
#: Records of one kind in a window, below ERROR and from ERROR on.
MAX_RECORDS = 20
MAX_ERRORS = 60
#: Kinds told apart in a window; all further ones share one, as their texts come from a peer.
MAX_KINDS = 256


class Kind(NamedTuple):
    """What is logged: whose, how grave, and the text before its arguments are put in."""

    logger: str
    level: int
    template: str


#: What is counted of the log, from the least level on.
LEVELS = ("warning", "error", "critical")


class LogCounts:
    """Records from WARNING on, by level in lower case: those logged, and those that were too many of a kind."""

    def __init__(self) -> None:
        self.logged: Counter[str] = Counter()
        self.suppressed: Counter[str] = Counter()

    def count(self, level: int, admitted: bool) -> None:
        """One record; a level in between counts as the one below."""
        if level >= logging.WARNING:
            name = LEVELS[min((level - logging.WARNING) // 10, 2)]
            (self.logged if admitted else self.suppressed)[name] += 1


OTHERS = Kind("pyaiot.lifecycle", logging.WARNING, "(other messages)")


@dataclass(slots=True)
class _Window:
    ends_at: float
    records: int = 0
    suppressed: int = 0


class LogLimit:
    """Decides what is logged. ``now`` comes in, in seconds, and never goes back."""

    def __init__(self) -> None:
        self._windows: dict[Kind, _Window] = {}  # in the order of their ends: all are equally long

    def admits(self, kind: Kind, now: float) -> bool:
        """Whether another record of ``kind`` may be logged; it is counted either way. Call :meth:`ended` before."""
        window = self._windows.get(kind)
        if window is None:
            if len(self._windows) >= MAX_KINDS and kind is not OTHERS:
                return self.admits(OTHERS, now)
            window = self._windows[kind] = _Window(now + WINDOW_S)
        if window.records < (MAX_ERRORS if kind.level >= logging.ERROR else MAX_RECORDS):
            window.records += 1
            return True
        window.suppressed += 1
        return False

    def ended(self, now: float) -> list[tuple[Kind, int]]:
        """What was suppressed, and how often, in windows that have ended; each is told once."""
        told: list[tuple[Kind, int]] = []
        while self._windows:
            kind, window = next(iter(self._windows.items()))
            if window.ends_at > now:
                break
            del self._windows[kind]
            if window.suppressed:
                told.append((kind, window.suppressed))
        return told


class LimitFilter(logging.Filter):
    """Puts a LogLimit before ``handler``. Records below INFO pass: who asks for them wants them all.

    How many were suppressed is told with the first record after their window, or by :meth:`close`.
    """

    def __init__(
        self,
        handler: logging.Handler,
        clock: Callable[[], float] = time.monotonic,
        counts: LogCounts | None = None,
    ) -> None:
        super().__init__()
        self._handler = handler
        self._clock = clock
        self._counts = counts or LogCounts()
        self._limit = LogLimit()
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether ``record`` is logged."""
        if record.levelno < logging.INFO:
            return True
        template = record.msg if isinstance(record.msg, str) else type(record.msg).__name__
        with self._lock:
            now = self._clock()
            ended = self._limit.ended(now)
            admitted = self._limit.admits(Kind(record.name, record.levelno, template[:120]), now)
            self._counts.count(record.levelno, admitted)
        self._tell(ended)
        return admitted

    def close(self) -> None:
        """The process ends: tell what was suppressed until now."""
        with self._lock:
            ended = self._limit.ended(float("inf"))
        self._tell(ended)

    def _tell(self, ended: list[tuple[Kind, int]]) -> None:
        for kind, suppressed in ended:
            text, values = "Not logged again, %d times: %s", (suppressed, kind.template)
            record = logging.LogRecord(kind.logger, kind.level, __file__, 0, text, values, None)
            self._handler.acquire()
            try:
                self._handler.emit(record)
            finally:
                self._handler.release()
