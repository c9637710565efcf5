# SPDX-License-Identifier: BSD-3-Clause
"""Whether a peer has gone whose connection is not being read: the event loop would learn of it only by reading."""

from __future__ import annotations

import select
from enum import Enum
from typing import Final


class Presence(Enum):
    """What is known of a peer without reading."""

    THERE = "there"
    #: It will say no more than what has come (TCP FIN), and perhaps waits for answers.
    FINISHED = "finished"
    #: The connection is over (TCP RST, or an error).
    GONE = "gone"


#: Where the system cannot tell a FIN that is behind unread data, only the end of a connection is seen.
_FINISHED: Final[int] = getattr(select, "POLLRDHUP", 0)
_GONE: Final = select.POLLERR | select.POLLHUP | select.POLLNVAL


def presence(fileno: int) -> Presence:
    """Look; nothing is read, and nothing is waited for. Raises OSError: ``fileno`` is none."""
    poll = select.poll()
    poll.register(fileno, _FINISHED)
    events = dict(poll.poll(0)).get(fileno, 0)
    if events & _GONE:
        return Presence.GONE
    return Presence.FINISHED if events & _FINISHED else Presence.THERE
