# SPDX-License-Identifier: BSD-3-Clause
"""One client of ``/ws``: what it has been told, and what is pending for it (PROTOCOL.md sections 3.1, 3.3).

::

    silent ──new──▶ catching up ──nothing untold──▶ live
                        ▲                            │
                        └──last write not taken──────┘

A client that says ``new`` again is told all that is untold first, departures too, and then the state from the start.
While catching up, at most CHUNK_BYTES wait for it here, however much it has not been told: see Bookmark.
"""

from __future__ import annotations

import asyncio
import logging
import uuid

from pyaiot.broker import client_codec
from pyaiot.broker.authorisation import MAY
from pyaiot.broker.change_list import Bookmark
from pyaiot.broker.client_codec import Join, WriteRequest
from pyaiot.broker.client_connection import CHUNK_BYTES, JOIN_TIMEOUT_S, ClientConnection
from pyaiot.broker.close_codes import CLOSE_GOING_AWAY, CLOSE_MALFORMED, CLOSE_NEEDS_TOKEN, CLOSE_TRY_LATER
from pyaiot.broker.entries import Milestone
from pyaiot.broker.framing import text_frame
from pyaiot.broker.hub import Hub
from pyaiot.broker.writes import MAX_PENDING_PER_CLIENT, Outcome
from pyaiot.keys import Role
from pyaiot.wire.errors import Malformed

log = logging.getLogger("pyaiot.broker")

#: Outcomes that wait for a client which does not read; one more, and it is cut off.
MAX_WAITING_RESULTS = 256


class ClientSession(ClientConnection):
    """The ``/ws`` of one client."""

    def initialize(self, hub: Hub) -> None:
        """``hub``: what all sessions of this broker share."""
        self._hub = hub
        self._id = str(uuid.uuid4())
        self._role: Role | None = None
        self._joined = False
        self._again = False
        self._token: str | None = None
        self._bookmark: Bookmark | None = None
        self._dst = "all"
        self._features: frozenset[str] = frozenset()
        self._writing = False
        self._results: list[bytes] = []
        self._pending_writes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._gone = False

    def open(self, *args: str, **kwargs: str) -> None:
        """Connected; nothing is sent until the client says ``new``."""
        super().open()
        self._deadline = asyncio.get_running_loop().call_later(JOIN_TIMEOUT_S, self._be_late)
        log.debug("%s: client connected", self.name)

    def on_message(self, message: str | bytes) -> None:
        """Take one message of the client."""
        if self._gone:
            return
        try:
            if isinstance(message, bytes):
                raise Malformed("text messages only")
            decoded = client_codec.decode(message)
        except Malformed as error:
            self._hub.counters.client_messages_malformed += 1
            log.info("%s: client sent a bad message: %s", self.name, error)
            self._finish(CLOSE_MALFORMED, client_codec.reason_for_close(error))
            return
        if isinstance(decoded, Join):
            self._join(decoded)
        else:
            self._write(decoded)

    def on_close(self) -> None:
        """The connection ended, however."""
        self._gone = True
        self._hub.fanout.leave(self)
        self._drop_bookmark()
        if self._deadline is not None:
            self._deadline.cancel()
        super().on_close()
        log.debug("%s: client gone", self.name)

    def goodbye(self) -> None:
        """The broker stops."""
        self._finish(CLOSE_GOING_AWAY, "the broker stops")

    def evict(self) -> None:
        """Make room for others: this one has not said anything yet."""
        self._gone = True
        self.abort()

    # What the client is told

    def _join(self, message: Join) -> None:
        """Tell the state, from the beginning; the client may ask for it again at any time."""
        self._token = message.token or None
        if not self.reconsider():
            return
        self._features = frozenset(message.features)
        if not self._joined:
            if not self._hub.admit_client(self):
                self._finish(CLOSE_TRY_LATER, "too many clients; try again later")
                return
            self._joined = True
            self._bookmark = self._hub.directory.changes.bookmark(told_all=False)
        elif self._bookmark is None:
            self._hub.flush()  # while it is live: a departure that waits in the batch is for it, too
            self._hub.fanout.leave(self)
            self._rewind()
        else:
            self._again = True
        if not self._writing:
            self._catch_up()

    def _rewind(self) -> None:
        self._drop_bookmark()
        self._again = False
        self._dst = self._id
        self._bookmark = self._hub.directory.changes.bookmark(told_all=False)

    def reconsider(self) -> bool:
        """Judge the client by the keys as they are now; it is closed when it may not even read."""
        self._role = self._hub.gatekeeper.role(self._request, self._token)
        if self._role is None:
            self._hub.counters.clients_refused += 1
            log.warning("%s: client needs a token%s", self.name, ", and not that one" if self._token else "")
            self._finish(CLOSE_NEEDS_TOKEN, "a valid token is needed (aiot-generate-keys --client)")
        return self._role is not None

    def _be_late(self) -> None:
        if not self._joined:
            self._finish(CLOSE_TRY_LATER, "nothing was said; say new first")

    def _finish(self, code: int, reason: str) -> None:
        self._gone = True
        self.close(code, reason)

    def deliver(self, frames: bytes) -> None:
        """Take a batch of changes, while live."""
        self._send(frames)

    def _send(self, frames: bytes) -> None:
        """Write; if the client does not take it at once, it is behind from here on, and goes at its own pace."""
        self._writing = not self.write_raw(frames, self._on_written)
        if self._writing and self._bookmark is None:
            self._hub.fanout.leave(self)
            self._bookmark = self._hub.directory.changes.bookmark(told_all=True)
            self._hub.counters.clients_fallen_behind += 1

    def _on_written(self) -> None:
        self._writing = False
        if not self._gone:
            self._catch_up()

    def _catch_up(self) -> None:
        """Send the next chunk of what is untold, or become live when there is none."""
        chunk = self._take_results()
        bookmark = self._bookmark
        if bookmark is not None:
            if bookmark.overtaken:
                self._finish(CLOSE_TRY_LATER, "too far behind; connect again")
                return
            size = sum(map(len, chunk))
            for entry in self._hub.directory.changes.untold(bookmark):
                if isinstance(entry, Milestone):
                    self._dst = "all"
                    if "synced" not in self._features:
                        continue
                chunk.append(text_frame(client_codec.encode_entry(entry, self._dst)))
                size += len(chunk[-1])
                if size >= CHUNK_BYTES:
                    break
            else:
                if self._again:
                    self._rewind()
                else:
                    self._hub.fanout.join(self)
                    self._drop_bookmark()
        if chunk:
            self._send(b"".join(chunk))
        if self._bookmark is not None and not self._writing:
            self._writing = True
            self._hub.call_soon(self._on_written)  # the others' turn first

    def _drop_bookmark(self) -> None:
        if self._bookmark is not None:
            self._hub.directory.changes.drop(self._bookmark)
            self._bookmark = None

    # What the client asks for

    def _write(self, message: WriteRequest) -> None:
        """Have something written; the outcome is told to those who gave the write an id and asked for results."""
        if not self._joined:
            self._finish(CLOSE_MALFORMED, 'say {"type": "new", "data": "client"} first')
            return

        def tell(outcome: Outcome) -> None:
            self._pending_writes -= 1
            if message.id is not None and "results" in self._features and not self._gone:
                self._tell_result(client_codec.encode_result(message.id, outcome.code, outcome.reason))

        self._pending_writes += 1
        if self._role is None or "write" not in MAY[self._role]:
            outcome = Outcome("forbidden", "this token may only read")
        elif self._pending_writes > MAX_PENDING_PER_CLIENT:
            outcome = Outcome("busy", f"more than {MAX_PENDING_PER_CLIENT} writes of this client are under way")
        else:
            self._hub.router.write(message.data.uid, message.data.resource.lstrip("/"), message.data.payload, tell)
            return
        self._hub.writes.count(outcome)
        tell(outcome)

    def _tell_result(self, result: bytes) -> None:
        self._hub.flush()  # what the device confirmed comes before the word that it did
        self._results.append(text_frame(result))
        if len(self._results) > MAX_WAITING_RESULTS:
            log.warning("%s: client does not read; cut off", self.name)
            self._gone = True
            self.abort()
        elif not self._writing:
            self._catch_up()

    def _take_results(self) -> list[bytes]:
        results = self._results
        self._results = []
        return results
