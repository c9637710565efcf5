# SPDX-License-Identifier: BSD-3-Clause
"""What the two protocols have in common: what is on its way, when to give up waiting for it, and how what comes is cut.

Pure. A session is fed with what came (``received``) and asked for what to send (``next``), one packet at a time;
whoever owns the socket does the rest. ``Lost`` ends it.
"""

from micropython import const

#: So many values are on their way at a time.
WINDOW = const(4)
#: Whoever does not answer for so long is gone.
ANSWER_MS = const(15000)


class Lost(Exception):
    """The session is over; the text is the reason, for a person."""


class Session:
    """``up`` becomes true when the other side has accepted us."""

    def __init__(self, node, now):
        self.node = node
        self.up = False
        #: Answers to be sent before anything else.
        self.replies = []
        self._began = now
        #: (key, number in the outbox or None, resource or None, sent at), oldest first.
        self._flight = []

    def opening(self):
        """The first bytes."""
        raise NotImplementedError

    def received(self, data, now):
        """Bytes came. Raises Lost."""
        raise NotImplementedError

    def next(self, now):
        """The next bytes to send, or None. Called when the last ones are on the socket. Raises Lost."""
        raise NotImplementedError

    def close(self):
        """The link broke: what had not arrived is told again in the next session."""
        self.node.broken([entry for _, number, entry, _ in self._flight if number is None and entry is not None])
        self._flight = []

    def _reply(self, now):
        """The next answer, if there is one; checks that we are not waiting in vain."""
        waiting_since = self._flight[0][3] if self._flight else None
        if not self.up:
            waiting_since = self._began
        if waiting_since is not None and now - waiting_since > ANSWER_MS:
            raise Lost("no answer for %d s" % (ANSWER_MS // 1000))
        return self.replies.pop(0) if self.replies else None

    def _landed(self, key, up_to):
        """``key`` has arrived; with ``up_to`` everything before it as well."""
        flight = self._flight
        for place, (found, number, _, _) in enumerate(flight):
            if found == key:
                self.node.arrived(number)
                self._flight = flight[place + 1 :] if up_to else flight[:place] + flight[place + 1 :]
                return


class StreamParser:
    """Cuts what comes into pieces, and keeps no more than the piece that is incomplete."""

    def __init__(self):
        self._buffer = b""
        #: So many bytes that are still to come are of a piece that is too long.
        self._skip = 0

    def feed(self, data):
        """The pieces that are complete now. Raises ValueError: this is not the protocol."""
        found = []
        buffer = self._buffer + data
        while buffer is not None:
            cut = min(self._skip, len(buffer))
            self._skip -= cut
            self._buffer = buffer[cut:]
            buffer = self._take(self._buffer, found)
        return found

    def _take(self, buffer, found):
        """Move the first piece to ``found``; what is behind it, or None while it is incomplete. Raises ValueError."""
        raise NotImplementedError
