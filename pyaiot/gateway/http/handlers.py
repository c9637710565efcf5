# SPDX-License-Identifier: BSD-3-Clause
"""Requests in, answers out (RFC 9110, PROTOCOL.md section 1.4). Who may is judged before a byte of the body is kept."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any, Final, cast
from weakref import WeakKeyDictionary

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPInputError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler, stream_request_body

from pyaiot import listening
from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.http.access import Denied, Request
from pyaiot.gateway.http.commands import Command, Poll
from pyaiot.gateway.http.contract import Host
from pyaiot.gateway.http.payloads import MAX_BODY_BYTES, UnsupportedType, encode_commands, encode_refused, is_senml
from pyaiot.gateway.http.report import BadPayload
from pyaiot.http_origin import PROXY_HEADERS
from pyaiot.wire.names import is_name

logger = logging.getLogger("pyaiot.gateway.http")

#: The longest that a device may wait for a command in one request, in seconds.
MAX_WAIT_S: Final = 60.0
#: Of a body that is too long so much is read, and dropped, to be able to say so; of a longer one nothing.
MAX_DROPPED_BYTES: Final = 1_048_576
#: What a wrong password costs, in seconds, and how many senders are made to wait for it at once.
PENALTY_S: Final = 1.0
MAX_PENALTIES: Final = 256
#: How long a request waits while the broker takes too little, and what is said to one that waited in vain.
ROOM_S: Final = 5.0
RETRY_AFTER_S: Final = 5
#: A poll ends so long before its connection is too old.
SPARE_S: Final = 5.0

_WAIT = re.compile(r"[0-9]{1,2}", re.ASCII)


class Shared:
    """What the requests of one server have in common."""

    def __init__(self) -> None:
        #: Senders of wrong passwords that are waiting.
        self.penalties = 0
        #: When the first request came over a connection, on the loop's clock.
        self.born: WeakKeyDictionary[object, float] = WeakKeyDictionary()


@stream_request_body
class Handler(RequestHandler):
    """Judges the head of a request in :meth:`prepare`; what was found is answered once the body has been read."""

    def initialize(self, host: Host, shared: Shared) -> None:
        """See :class:`Shared`."""
        self._host = host
        self._shared = shared
        self._body = bytearray()
        self._denied: Denied | None = None
        self._poll: Poll | None = None

    def set_default_headers(self) -> None:
        """Say no more of ourselves than needed."""
        self.clear_header("Server")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def prepare(self) -> None:
        """See the class."""
        self._host.counters.requests += 1
        try:
            self._check()
        except Denied as denied:
            self._denied = denied
            if denied.status in (401, 403):
                self._host.counters.denied += 1
        length = self.request.headers.get("Content-Length", "")
        if length.isdecimal() and len(length) < 16 and int(length) > MAX_DROPPED_BYTES:
            self._connection().set_max_body_size(int(length))  # else Tornado would say 400 behind our answer
            self._oversized()
            self.say(413, f"a body has at most {MAX_BODY_BYTES} bytes")

    def _check(self) -> None:
        """Raises Denied."""
        self._host.check_sender(self.sender())

    def sender(self) -> Request:
        """What the head says of its sender."""
        headers = self.request.headers
        return Request(
            peer=str(self.request.remote_ip),
            host=headers.get("Host", ""),
            origin=headers.get("Origin"),
            site=headers.get("Sec-Fetch-Site"),
            proxied=any(name in headers for name in PROXY_HEADERS),
            authorization=headers.get("Authorization"),
        )

    def _connection(self) -> HTTP1Connection:
        return cast("HTTP1Connection", self.request.connection)

    def data_received(self, chunk: bytes) -> None:
        """A part of the body; not kept where nobody will read it."""
        if self._denied is None:
            self._body += chunk
            if len(self._body) > MAX_BODY_BYTES:
                self._oversized()
                self._denied = Denied(413, f"a body has at most {MAX_BODY_BYTES} bytes")

    def _oversized(self) -> None:
        self._body.clear()
        self._host.counters.oversized += 1

    def on_connection_close(self) -> None:
        """The device has gone; it takes no command with it."""
        super().on_connection_close()
        if self._poll is not None:
            self._poll.end()

    async def admitted(self) -> bool:
        """Whether the request may go on; otherwise it has been answered, a wrong password late."""
        denied = self._denied
        if denied is None:
            return True
        if denied.guessed:
            await self._penalty()
        if denied.status == 401:
            self.set_header("WWW-Authenticate", 'Basic realm="pyaiot", charset="UTF-8"')
            self.add_header("WWW-Authenticate", 'Bearer realm="pyaiot"')
        self.say(denied.status, str(denied))
        return False

    async def _penalty(self) -> None:
        counters = self._host.counters
        counters.wrong_passwords += 1
        logger.warning("%s: a wrong password for %s", self.request.remote_ip, self.request.path[:80])
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
        if status == 503:
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


class NodeHandler(Handler):
    """``/v1/nodes/<id>``: what a device says, and asks."""

    def _check(self) -> None:
        super()._check()
        uid = self.path_args[0]
        if not is_name(uid):
            raise Denied(400, "an id has 1 to 64 of the characters A-Z a-z 0-9 . _ : -")
        self._host.check_device(self.sender(), uid)

    async def post(self, uid: str) -> None:
        """Values, or nothing but a sign of life. 204; 200 and 400 say what was refused of them."""
        try:
            if not await self.admitted() or not await self._has_room():
                return
            senml = is_senml(self._single("Content-Type"))
            if self._single("Content-Encoding") not in ("", "identity"):
                raise UnsupportedType("send the body as it is, not compressed")
            taken, refused = self._host.report(uid, self._peer(), bytes(self._body), senml=senml)
        except UnsupportedType as error:
            self._host.counters.bad_types += 1
            self._complain(uid, 415, str(error))
        except BadPayload as error:
            self._host.counters.bad_bodies += 1
            self._complain(uid, 400, str(error))
        except Refused as error:
            self.say(503, str(error))
        else:
            if refused:
                resource, reason = next(iter(refused.items()))
                logger.warning("Node %s: %d values refused, such as %s: %s", uid, len(refused), resource[:64], reason)
                self.say_json(200 if taken else 400, encode_refused(refused))
            else:
                self.set_status(204)

    async def get(self, uid: str) -> None:
        """The commands for the device; 204 when there are none, at once or after ``?wait=`` seconds."""
        if not await self.admitted():
            return
        wait_s = self._wait_s()
        if wait_s is None:
            self.say(400, f"wait is a whole number of seconds, at most {MAX_WAIT_S:.0f}")
            return
        try:
            commands = self._host.ask(uid, self._peer())
            if not commands and wait_s > 0:
                commands = await self._wait(uid, wait_s)
        except Refused as error:
            self.say(503, str(error))
        except Denied as denied:  # since it began to wait
            self._denied = denied
            await self.admitted()
        else:
            if commands:
                self.say_json(200, encode_commands(commands))
            else:
                self.set_status(204)

    async def delete(self, uid: str) -> None:
        """The device says goodbye."""
        if not await self.admitted():
            return
        try:
            known = self._host.deregister(uid)
        except Refused as error:
            self.say(503, str(error))
            return
        if known:
            self.set_status(204)
        else:
            self.say(404, "there is no such device")

    async def _has_room(self) -> bool:
        """Wait while the broker takes too little; false: it has been answered."""
        if not self._host.crowded:
            return True
        self._host.counters.held += 1
        try:
            async with asyncio.timeout(ROOM_S):
                await self._host.room()
        except TimeoutError:
            self._host.counters.turned_away += 1
            self.say(503, "the broker takes less than devices say: try again")
            return False
        return True

    async def _wait(self, uid: str, wait_s: float) -> list[Command]:
        """Raises Denied: the password is no longer good."""
        woken = asyncio.Event()
        self._poll = Poll(woken.set)
        if not await self._host.wait(uid, self._poll, woken, wait_s):
            return []
        self._host.check_device(self.sender(), uid)
        return self._host.collect(uid)

    def _wait_s(self) -> float | None:
        """How long to wait: what is asked for, no longer than the node and this connection live. None: nonsense."""
        asked = self.get_query_arguments("wait") or ["0"]
        if len(asked) > 1 or _WAIT.fullmatch(asked[0]) is None or int(asked[0]) > MAX_WAIT_S:
            return None
        now = asyncio.get_running_loop().time()
        born = self._shared.born.setdefault(self._connection().stream, now)
        left = born + listening.MAX_AGE_S - SPARE_S - now
        if left < MAX_WAIT_S:
            self.set_header("Connection", "close")
        return max(min(float(asked[0]), self._host.max_wait_s, left), 0.0)

    def _complain(self, uid: str, status: int, sentence: str) -> None:
        logger.warning("Node %s (%s): refused: %s", uid, self._peer(), sentence)
        self.say(status, sentence)

    def _single(self, name: str) -> str:
        return str(self.request.headers.get(name, "")).strip()

    def _peer(self) -> str:
        return str(self.request.remote_ip)


class NotFoundHandler(Handler):
    """Everything else."""

    async def _answer(self) -> None:
        if await self.admitted():
            self.say(404, "Not found. Devices POST to /v1/nodes/<id>.")

    get = head = post = put = patch = delete = options = _answer
