# SPDX-License-Identifier: BSD-3-Clause
"""Standard output as a shell may have made it: read by nobody any more, full, closed, of an encoding without ``°``."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from typing import Final

EXIT_UNWRITTEN: Final = 1
#: Nobody reads it any more; there is no room on the disk, for this user, or in this file.
_OF_OUTPUT: Final = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def written(body: Callable[[], int]) -> int:
    """The exit code of ``body()``, once everything that it printed is out.

    If it cannot be, that is EXIT_UNWRITTEN and one line on standard error; or 0, if who read it has seen enough. What
    the encoding has no sign for is spelled ``\\xb0``.
    """
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # or print takes standard output for it
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = body()
    except SystemExit as end:  # of argparse, which has printed its help
        code = end.code if isinstance(end.code, int) else 0
    except OSError as fault:
        # What could not be written is tried again: so it shows whether that was it.
        error = _unwritten()
        if error is None and fault.errno in _OF_OUTPUT and fault.filename is None:
            error = fault  # of more than Python keeps to try it again
        if error is None:
            raise
        return _give_up(error)
    error = _unwritten()
    return code if error is None else code or _give_up(error)


def _unwritten() -> OSError | None:
    """Why what was printed cannot be written; None: it is. Python would try it again when it ends, and complain."""
    if sys.stdout is None:
        return None
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return error
    return None


def _give_up(error: OSError) -> int:
    if isinstance(error, BrokenPipeError):
        return 0
    print(f"{os.path.basename(sys.argv[0])}: standard output: {error.strerror or error}", file=sys.stderr)
    return EXIT_UNWRITTEN
