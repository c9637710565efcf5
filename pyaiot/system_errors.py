# SPDX-License-Identifier: BSD-3-Clause
"""What the system says of a connection that did not come to be, in words that fit one line."""

from __future__ import annotations

import os
import re
import socket
import ssl
from typing import Final

#: How an OSError begins its text, of which asyncio may join several.
_NUMBER: Final = re.compile(r"\[Errno (\d{1,3})\]")
MAX_REASON: Final = 200


def number_of(error: BaseException) -> int | None:
    """The system's number of what went wrong (errno(3)); None: it has none, as of a name that nobody knows.

    A name may have several addresses, as localhost has where there is IPv6. When none of them answers, asyncio has the
    numbers in the text only: the first tells enough.
    """
    if not isinstance(error, OSError) or isinstance(error, socket.gaierror | ssl.SSLError):
        return None
    if error.errno is not None:
        return error.errno
    found = _NUMBER.search(str(error))
    return None if found is None else int(found[1])


def reason_of(error: BaseException) -> str:
    """One line, without the addresses that asyncio says, also of an error that carries no text."""
    number = number_of(error)
    if number is not None and number > 0:
        return os.strerror(number)
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0][:MAX_REASON]
