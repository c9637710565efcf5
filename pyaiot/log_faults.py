# SPDX-License-Identifier: BSD-3-Clause
"""Handlers of the log that cannot write, as on a full disk: that is said in a line, once, and the service goes on."""

from __future__ import annotations

import contextlib
import logging
import logging.handlers
import os
import sys


class _TellsOnce(logging.Handler):
    """A fault of the program is told as ``logging`` does, with its traceback."""

    _has_told = False

    def handleError(self, record: logging.LogRecord) -> None:
        """What the system refused."""
        error = sys.exception()
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_told:
            self._has_told = True
            name = f" {error.filename}" if error.filename else ""
            reason = error.strerror or type(error).__name__
            with contextlib.suppress(OSError, ValueError):  # that may be what cannot be written
                print(f"{os.path.basename(sys.argv[0])}: the log cannot be written:{name} {reason}", file=sys.stderr)

    def close(self) -> None:
        """What could not be written until now is lost."""
        with contextlib.suppress(OSError):
            super().close()


class Stream(_TellsOnce, logging.StreamHandler):  # type: ignore[type-arg]  # it cannot be subscripted at run time
    """Standard error."""


class BySize(_TellsOnce, logging.handlers.RotatingFileHandler):
    """A file that is rotated when it is long enough."""


class ByTime(_TellsOnce, logging.handlers.TimedRotatingFileHandler):
    """A file that is rotated when it is time."""
