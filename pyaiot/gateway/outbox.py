# SPDX-License-Identifier: BSD-3-Clause
"""What the broker has not acknowledged yet (PROTOCOL.md section 2). Messages come and go as encoded bytes.

A message gets its id when it is first sent: ids count up from 1 within the epoch, without holes unless a message
that had been sent was dropped. Messages are of four kinds, and leave in the order in which they came:

- VALUE (``update``, ``seen``): when the outbox is full the oldest of these goes first, in O(1).
- STATE (``new``, ``reset``, ``out``, ``result``): goes only when a full outbox holds no VALUE, which takes devices
  that come and go without end while the broker is away. ``forgotten`` then remembers of which nodes something went
  untold.
- DETAIL (``about``, ``liveness``): for a broker that takes it, as it says in its welcome. The next one may be older,
  and end the session over what it cannot read: so these are dropped with the session. Each begins by telling all.
- SYNC (``sync``): means something in the present session only, and is dropped with it: half of an old list, told
  in a new session, would declare the nodes of the other half gone.

Whatever was dropped makes a resync due (``resync_due``): told again and in full, the broker ends with the truth.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum

from pyaiot.wire.codec import MAX_FRAME_BYTES
from pyaiot.wire.errors import WireError
from pyaiot.wire.signing import SIGNATURE_CHARACTERS

MAX_MESSAGES = 100_000
#: The bytes of all messages together: 100,000 of the largest would be 3 GB.
MAX_BYTES = 64 * 1024 * 1024
MAX_FRAME_MESSAGES = 256
#: A frame's JSON; the rest of MAX_FRAME_BYTES is the signature and the blank after it.
MAX_FRAME_BODY_BYTES = MAX_FRAME_BYTES - SIGNATURE_CHARACTERS - 1
#: The longest single message.
MAX_MESSAGE_BYTES = 60_000
#: Uids in ``forgotten``; with more, ``forgot_all`` says that it may be any.
MAX_FORGOTTEN = 10_000

#: ``{"first":<up to 16 digits>,"messages":[]}``
_FRAME_OVERHEAD = 45


class BadAck(WireError):
    """The broker acknowledged what it was never sent."""


class Kind(IntEnum):
    """What a message is worth; the first go first when the outbox is full."""

    VALUE = 0
    DETAIL = 1
    STATE = 2
    SYNC = 3


_OF_A_SESSION = (Kind.DETAIL, Kind.SYNC)


#: order, id (0 before it is sent), encoded message, uid (of a STATE).
_Entry = tuple[int, int, bytes, str]


class Outbox:
    """The messages of one epoch (16 hex digits, random) that the broker has not acknowledged."""

    def __init__(self, epoch: str, *, max_messages: int = MAX_MESSAGES, max_bytes: int = MAX_BYTES) -> None:
        self.epoch = epoch
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        # Both by kind. All that is sent (in the present session) is before all that waits, in order and in id.
        self._sent: tuple[deque[_Entry], ...] = tuple(deque() for _ in Kind)
        self._waiting: tuple[deque[_Entry], ...] = tuple(deque() for _ in Kind)
        self._order = 0
        self._last_id = 0
        self._last_sent = 0
        self._acknowledged = 0
        self._bytes = 0
        #: How many messages wait to be sent, and how many were sent and wait for the broker's word.
        self.waiting = 0
        self.in_flight = 0
        #: How many of each kind were dropped because the outbox was full.
        self.dropped = [0] * len(Kind)
        #: Something was dropped since this was last set to False.
        self.resync_due = False
        self.forgotten: set[str] = set()
        self.forgot_all = False

    def __len__(self) -> int:
        return self.waiting + self.in_flight

    @property
    def stored_bytes(self) -> int:
        """The size of all messages, encoded."""
        return self._bytes

    @property
    def acknowledged(self) -> int:
        """The highest id that the broker has acknowledged."""
        return self._acknowledged

    def holds(self, kind: Kind) -> bool:
        """Whether there is a message of ``kind`` that is not acknowledged."""
        return bool(self._sent[kind] or self._waiting[kind])

    def append(self, message: bytes, kind: Kind, uid: str = "") -> None:
        """Take in an encoded message; of a STATE, ``uid`` is the node, if it is of one. Drops the oldest when full."""
        if len(message) > MAX_MESSAGE_BYTES:
            raise ValueError(f"a message of {len(message)} bytes")
        self._order += 1
        self._waiting[kind].append((self._order, 0, message, uid))
        self.waiting += 1
        self._bytes += len(message)
        while self.waiting + self.in_flight > self._max_messages or self._bytes > self._max_bytes:
            self._drop_oldest()

    def next_frame(
        self, window: int, max_messages: int = MAX_FRAME_MESSAGES, max_bytes: int = MAX_FRAME_BODY_BYTES
    ) -> tuple[int, list[bytes]] | None:
        """The next frame to send, as its first id and its messages, which have consecutive ids.

        None when nothing waits, or when ``window`` messages are in flight. ``max_bytes`` is of the whole JSON.
        """
        room = min(max_messages, window - self.in_flight)
        if room <= 0 or not self.waiting:
            return None
        first = expected = 0
        size = _FRAME_OVERHEAD
        messages: list[bytes] = []
        while len(messages) < room and (kind := self._next_kind()) is not None:
            order, number, message, uid = self._waiting[kind][0]
            number = number or self._last_id + 1
            size += len(message) + 1
            if messages:
                if number != expected or size > max_bytes:
                    break
            else:
                first = number
            self._waiting[kind].popleft()
            self._sent[kind].append((order, number, message, uid))
            if number > self._last_id:
                self._last_id = number
            messages.append(message)
            expected = number + 1
        self._last_sent = expected - 1
        self.waiting -= len(messages)
        self.in_flight += len(messages)
        return first, messages

    def acknowledge(self, number: int) -> None:
        """The broker has applied every message up to the id ``number``. Raises BadAck."""
        if number > self._last_sent:
            raise BadAck(f"the broker acknowledged message {number}, but was sent {self._last_sent} at most")
        self._acknowledged = max(self._acknowledged, number)
        for sent in self._sent:
            while sent and sent[0][1] <= number:
                self._bytes -= len(sent.popleft()[2])
                self.in_flight -= 1

    def resume(self, acknowledged: int) -> None:
        """A session begins, in which the broker said that it has kept every id up to ``acknowledged`` of this epoch.

        What it has not kept is sent again, from there on. Raises BadAck.
        """
        if acknowledged > self._last_id:
            raise BadAck(f"the broker acknowledged message {acknowledged}, but was sent {self._last_id} at most")
        self._last_sent = self._last_id
        self.acknowledge(acknowledged)
        self._acknowledged = self._last_sent = acknowledged
        for sent, waiting in zip(self._sent, self._waiting, strict=True):
            waiting.extendleft(reversed(sent))
            sent.clear()
        self.waiting += self.in_flight
        self.in_flight = 0
        for kind, waiting in zip(Kind, self._waiting, strict=True):
            while waiting and (kind in _OF_A_SESSION or 0 < waiting[0][1] <= acknowledged):
                self._bytes -= len(waiting.popleft()[2])
                self.waiting -= 1

    def _next_kind(self) -> Kind | None:
        """The kind of the oldest message that waits."""
        values, details, states, syncs = self._waiting
        if not states and not details and not syncs:
            return Kind.VALUE if values else None
        heads = [(waiting[0][0], kind) for waiting, kind in zip(self._waiting, Kind, strict=True) if waiting]
        return min(heads)[1]

    def _drop_oldest(self) -> None:
        for kind in Kind:
            if self._sent[kind]:
                entry = self._sent[kind].popleft()
                self.in_flight -= 1
            elif self._waiting[kind]:
                entry = self._waiting[kind].popleft()
                self.waiting -= 1
            else:
                continue
            self._bytes -= len(entry[2])
            self.dropped[kind] += 1
            self.resync_due = True
            if kind is Kind.STATE and entry[3]:
                self._forget(entry[3])
            return

    def _forget(self, uid: str) -> None:
        if len(self.forgotten) < MAX_FORGOTTEN:
            self.forgotten.add(uid)
        else:
            self.forgot_all = True
