# SPDX-License-Identifier: BSD-3-Clause
"""What goes out to one client, at the client's own pace: it never costs more than a bound, however slowly it reads.

In this order: single frames, which are answers and the like; batches of changes that are handed in while the client
keeps up (:meth:`Outgoing.deliver`); what sources have for it, a chunk at a time, while it does not. Sources are asked
when the turn of the client comes (turns.py), as it may take long to find what they have.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from pyaiot.broker.client_connection import CHUNK_BYTES
from pyaiot.broker.gate import Gate
from pyaiot.broker.rpc.caller import Source
from pyaiot.broker.rpc.turns import Turns

#: With more than this waiting to be sent, no further message is read.
READ_PAUSE_BYTES: Final = 64 * 1024
#: With more than this there is no room for what could be left out.
MAX_WAITING_BYTES: Final = 192 * 1024


class Line(Protocol):
    """The connection: websocket.Peer is one."""

    def write_raw(self, frames: bytes, when_written: Callable[[], None]) -> bool:
        """True when all went out at once, else ``when_written`` is called once it has."""


class Outgoing:
    """``turns`` are those of all clients."""

    def __init__(self, line: Line, turns: Turns) -> None:
        self._line = line
        self._turns = turns
        self._frames: list[bytes] = []
        self._frames_bytes = 0
        self._in_flight_bytes = 0
        self._flush_is_due = False
        self._waits_for_turn = False
        self._sources: list[Source] = []
        self._sources_have_more = False
        self._reading = Gate()
        self._is_over = False

    @property
    def is_behind(self) -> bool:
        """Whether the client has not taken the last write yet."""
        return self._in_flight_bytes > 0

    def has_room(self) -> bool:
        """Whether there is room for what could be left out."""
        return not self._is_over and self._frames_bytes + self._in_flight_bytes <= MAX_WAITING_BYTES

    def queue(self, frame: bytes) -> None:
        """Send one frame. What is queued in one turn of the event loop is one write."""
        self._frames.append(frame)
        self._frames_bytes += len(frame)
        self._flush_soon()

    def tell(self, frames: bytes) -> bool:
        """See caller.Session."""
        if self._in_flight_bytes or self._is_over:
            self._sources_have_more = True
            return False
        self._frames.append(frames)
        self._frames_bytes += len(frames)
        if self._frames_bytes > READ_PAUSE_BYTES:
            self._write()
        else:
            self._wait_for_turn()
        return True

    def deliver(self, frames: bytes) -> bool:
        """See caller.Session."""
        if self._in_flight_bytes or self._is_over:
            self._sources_have_more = True
            return False
        self._frames.append(frames)
        self._write()
        return not self._in_flight_bytes

    def add_source(self, source: Source) -> None:
        """See caller.Session."""
        self._sources.append(source)
        self.wake()

    def remove_source(self, source: Source) -> None:
        """See caller.Session."""
        if source in self._sources:
            self._sources.remove(source)

    def wake(self) -> None:
        """See caller.Session."""
        self._sources_have_more = True
        self._wait_for_turn()

    def flush(self) -> None:
        """Write what there is, if the client took what was written before."""
        self._flush_is_due = False
        if self._in_flight_bytes or self._is_over:
            return
        self._write()
        if self._sources_have_more:
            self._wait_for_turn()

    def until_read(self) -> asyncio.Future[None] | None:
        """Done once so little waits that the client may ask for more, and others had their turn; None: it may now.

        Even what needs no answer takes its time: so each message waits, once the time of this turn is spent.
        """
        if self._frames_bytes + self._in_flight_bytes > READ_PAUSE_BYTES:
            self.flush()
        if self._is_over:
            return None
        if self._frames_bytes + self._in_flight_bytes <= READ_PAUSE_BYTES:
            if self._turns.may_go_first():
                return None
            self._turns.wait(self._resume_if_read)
        return self._reading.shut()

    def end(self) -> None:
        """Nothing is written any more."""
        self._is_over = True
        self._frames.clear()
        self._sources.clear()
        self._reading.open()

    def _flush_soon(self) -> None:
        if not self._flush_is_due and not self._in_flight_bytes and not self._is_over:
            self._flush_is_due = True
            self._turns.call_soon(self.flush)

    def _wait_for_turn(self) -> None:
        if not self._waits_for_turn and not self._in_flight_bytes and not self._is_over:
            self._waits_for_turn = True
            self._turns.wait(self._take_turn)

    def _take_turn(self) -> None:
        self._waits_for_turn = False
        if self._in_flight_bytes or self._is_over:
            return
        if self._sources_have_more:
            self._take_from_sources()
        self._write()
        if self._sources_have_more:
            self._wait_for_turn()

    def _take_from_sources(self) -> None:
        """A chunk of what is untold, of each source in turn, so that none waits for another's end."""
        room = CHUNK_BYTES - self._frames_bytes
        self._sources_have_more = False
        for source in tuple(self._sources):
            if room <= 0:
                self._sources_have_more = True
                break
            if source not in self._sources:
                continue  # removed by another
            frames = source.take(room)
            if frames:
                self._sources_have_more = True
                room -= len(frames)
                self._frames.append(frames)
                if source in self._sources:  # to the end of the line
                    self._sources.remove(source)
                    self._sources.append(source)
            if self._turns.is_over:
                self._sources_have_more = True
                break

    def _write(self) -> None:
        frames = b"".join(self._frames)
        self._frames.clear()
        self._frames_bytes = 0
        if frames and not self._line.write_raw(frames, self._on_written):
            self._in_flight_bytes = len(frames)
            self._sources_have_more = True  # nobody delivers until all of them have nothing any more

    def _on_written(self) -> None:
        self._in_flight_bytes = 0
        self.flush()
        self._resume_if_read()

    def _resume_if_read(self) -> None:
        if self._frames_bytes + self._in_flight_bytes <= READ_PAUSE_BYTES:
            self._reading.open()
