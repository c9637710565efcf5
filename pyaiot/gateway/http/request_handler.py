# SPDX-License-Identifier: BSD-3-Clause
"""One request, whatever it asks: judged by its head before a byte of its body is kept, kept in bounds, answered."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPInputError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from pyaiot.addresses import group_of, is_loopback
from pyaiot.gateway.http.access import Denied, Request
from pyaiot.gateway.http.contract import Host
from pyaiot.gateway.http.limits import MAX_REQUESTS_PER_DEVICE, SMALL_BYTES, Bodies, Body, Pieces, Requests
from pyaiot.gateway.http.payloads import MAX_BODY_BYTES
from pyaiot.http_origin import PROXY_HEADERS

logger = logging.getLogger("pyaiot.gateway.http")

#: Of a body that is too long so much is read, and dropped, to be able to say so; of a longer one nothing.
MAX_DROPPED_BYTES: Final = 1_048_576
#: What a wrong password costs, in seconds, and how many senders are made to wait for it at once.
PENALTY_S: Final = 1.0
MAX_PENALTIES: Final = 256
#: When who was turned away for want of room should try again, in seconds, and the statuses that say so.
RETRY_AFTER_S: Final = 5
_RETRY: Final = frozenset((408, 429, 503))


class Shared:
    """What the requests of one server have in common."""

    def __init__(self) -> None:
        #: Senders of wrong passwords that are waiting.
        self.penalties = 0
        self.bodies = Bodies()
        self.requests = Requests()
        #: When the first request came over a connection, on the loop's clock.
        self.born: WeakKeyDictionary[object, float] = WeakKeyDictionary()


@stream_request_body
class Handler(RequestHandler):
    """Judges the head of a request in :meth:`prepare`; what was found is answered once the body has been read."""

    def initialize(self, host: Host, shared: Shared) -> None:
        """See :class:`Shared`."""
        self._host = host
        self._shared = shared
        #: What has come of the request's body; empty where nobody will read it.
        self.body = Pieces()
        self._place: Body | None = None
        self._denied: Denied | None = None
        self._uid: str | None = None
        #: Whether all of it has come, and is being answered.
        self._whole = False

    @property
    def peer(self) -> str:
        """The address that the request came from."""
        return str(self.request.remote_ip)

    @property
    def answered(self) -> bool:
        """Whether it has been."""
        return self._finished

    @property
    def http_connection(self) -> HTTP1Connection:
        """The connection that it came over."""
        return cast("HTTP1Connection", self.request.connection)

    def set_default_headers(self) -> None:
        """Say no more of ourselves than needed."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """See the class."""
        self._host.counters.requests += 1
        try:
            self.check()
        except Denied as denied:
            self._denied = denied
            if denied.status in (401, 403):
                self._host.counters.denied += 1
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and len(length) < 16 and int(length) > MAX_DROPPED_BYTES:
            self.http_connection.set_max_body_size(int(length))  # else Tornado would say 400 behind our answer
            self._oversized()
            self.say(413, f"a body has at most {MAX_BODY_BYTES} bytes")

    def check(self) -> None:
        """Raises Denied."""
        self._host.check_sender(self.sender())

    def begin(self, uid: str) -> None:
        """It is the device's, and one of few. Raises Denied."""
        if not self._shared.requests.begin(uid):
            self._host.counters.too_many += 1
            raise Denied(429, f"{MAX_REQUESTS_PER_DEVICE} requests of this device are not answered yet")
        self._uid = uid

    def _end(self) -> None:
        """It takes up nothing any more; it may be told twice."""
        self._leave()
        uid, self._uid = self._uid, None
        if uid is not None:
            self._shared.requests.end(uid)

    def sender(self) -> Request:
        """What the head says of its sender."""
        headers = self.request.headers
        return Request(
            peer=self.peer,
            host=headers.get("Host", ""),
            origin=headers.get("Origin"),
            site=headers.get("Sec-Fetch-Site"),
            user_agent=headers.get("User-Agent", ""),
            proxied=any(name in headers for name in PROXY_HEADERS),
            authorization=headers.get("Authorization"),
        )

    def data_received(self, chunk: bytes) -> None:
        """A part of the body; not kept where nobody will read it."""
        if self._denied is not None:
            return
        size = self.body.size + len(chunk)
        if size > MAX_BODY_BYTES:
            self._oversized()
            self._denied = Denied(413, f"a body has at most {MAX_BODY_BYTES} bytes")
            return
        if size > SMALL_BYTES:
            if self._place is None:
                self._place = Body(None if is_loopback(self.peer) else group_of(self.peer), self._give_way)
            if not self._shared.bodies.grown(self._place, size):
                return
        self.body.add(chunk)

    def _oversized(self) -> None:
        self._leave()
        self.body.clear()
        self._host.counters.oversized += 1

    def _leave(self) -> None:
        place, self._place = self._place, None
        if place is not None:
            self._shared.bodies.end(place)

    def _give_way(self) -> None:
        """There is no room for the body any more."""
        self._host.counters.gave_way += 1
        self.body.clear()
        self.set_header("Connection", "close")
        logger.warning("%s: a body gives way, as there are too many at once: %s", self.peer, self.request.path[:80])
        self.say(408, "the body has taken too long, and others need its room: send it again")

    def on_finish(self) -> None:
        """It was answered."""
        self._end()

    def on_connection_close(self) -> None:
        """The device has gone; what it said in whole counts, and takes up room until it is done with."""
        super().on_connection_close()
        if not self._whole:
            self._end()

    async def admitted(self) -> bool:
        """Whether the request, which has come in whole, may go on; else it has been answered, a wrong password late."""
        self._whole = True
        denied = self._denied
        if denied is None:
            return True
        if denied.guessed:
            await self._penalty(denied.guessed)
        if denied.status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="pyaiot", charset="UTF-8"')
            self.add_header("WWW-Authenticate", 'Bearer realm="pyaiot"')
        self.say(denied.status, str(denied))
        return False

    async def _penalty(self, why: str) -> None:
        counters = self._host.counters
        counters.wrong_passwords += 1
        logger.warning("%s: %s for %s", self.peer, why, self.request.path[:80])
        if self._shared.penalties >= MAX_PENALTIES:
            counters.undelayed += 1
            return
        self._shared.penalties += 1
        try:
            await asyncio.sleep(PENALTY_S)
        finally:
            self._shared.penalties -= 1

    def say(self, status: int, sentence: str) -> None:
        """Answer in plain words."""
        self.set_status(status)
        if status in _RETRY:
            self.set_header("Retry-After", str(RETRY_AFTER_S))
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(f"{sentence}\n")

    def say_json(self, status: int, content: bytes) -> None:
        """Answer in JSON."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(content + b"\n")

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """The status in words."""
        if status_code == 405:
            self.set_header("Allow", "POST, GET, DELETE")
        self.say(status_code, f"{status_code} {self._reason}")

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """What a peer did wrong is no news; a fault of ours is."""
        if not isinstance(value, HTTPError | HTTPInputError | StreamClosedError):
            self._host.counters.internal_errors += 1
            logger.error("A fault of the gateway's own; please report this", exc_info=value)
