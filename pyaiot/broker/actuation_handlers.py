# SPDX-License-Identifier: BSD-3-Clause
"""``/v1/actuations``: services ask for writes, and what became of them (PROTOCOL.md section 3.4).

Who may is judged before a byte of the body is kept. Every request is answered; a write's with its outcome.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Final, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPInputError
from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, stream_request_body

from pyaiot.broker import actuations
from pyaiot.broker.actuations import MAX_BODY_BYTES, NotPossible, PlannedWrite
from pyaiot.broker.authorisation import MAY
from pyaiot.broker.plain_handler import PlainHandler
from pyaiot.broker.writes import Outcome
from pyaiot.keys import token_digest
from pyaiot.wire.errors import Malformed

log = logging.getLogger("pyaiot.broker")

#: Of a body that is too long so much is read, and dropped, to be able to say so; of a longer one nothing.
MAX_DROPPED_BYTES: Final = 1_048_576
#: When to try again, in seconds, where nothing better is known.
RETRY_AFTER_S: Final = 1

Told = tuple[tuple[PlannedWrite, ...], tuple[Outcome, ...], str]


@stream_request_body
class ServiceHandler(PlainHandler):
    """Judges the head of a request in :meth:`prepare`; what was found is answered once the body has been read."""

    METHODS: ClassVar[str]

    def prepare(self) -> None:
        """See the class."""
        self._body = bytearray()
        self._refusal: tuple[int, str, str] | None = None
        self._service: bytes | None = None
        self._judge()
        length = self.request.headers.get("Content-Length", "")
        connection = cast("HTTP1Connection", self.request.connection)
        connection.set_max_body_size(MAX_DROPPED_BYTES)
        if length.isdecimal() and len(length) < 16 and int(length) > MAX_DROPPED_BYTES:
            connection.set_max_body_size(int(length))  # else Tornado would say 400 behind our answer
            self._refuse(413, "malformed", f"a body has at most {MAX_BODY_BYTES} bytes")
            self.is_admitted()

    def _judge(self) -> None:
        """Host, Origin, token and role, in this order; then how much the service has asked for lately."""
        hub, request = self._hub, self.sender
        refusal = self.refusal(request)
        role = hub.gatekeeper.role(request)
        if refusal is not None:
            self._refuse(403, "forbidden", refusal)
        elif role is None or ("write" not in MAY[role] and request.bearer is None):
            self.set_header("WWW-Authenticate", 'Bearer realm="pyaiot"')
            self._refuse(401, "forbidden", "a valid token is needed (aiot-generate-keys --client)")
        elif "write" not in MAY[role]:
            self._refuse(403, "forbidden", "this token may only read")
        else:
            self._service = None if request.bearer is None else token_digest(request.bearer)
            wait_s = hub.dispatch.pace.ask(self._service, hub.now)
            if wait_s is not None:
                self.set_header("Retry-After", str(wait_s))
                self._refuse(429, "busy", "that is faster than one service may ask")

    def _refuse(self, status: int, code: str, reason: str) -> None:
        if self._refusal is None:
            self._refusal = status, code, reason
            if status in (401, 403):
                log.warning("%s: actuation refused: %s", self.request.remote_ip, reason)
                self._hub.counters.clients_refused += 1

    def data_received(self, chunk: bytes) -> None:
        """A part of the body; not kept where nobody will read it."""
        if self._refusal is None:
            self._body += chunk
            if len(self._body) > MAX_BODY_BYTES:
                self._body.clear()
                self._refuse(413, "malformed", f"a body has at most {MAX_BODY_BYTES} bytes")

    def is_admitted(self) -> bool:
        """Whether the request may go on; otherwise it has been answered."""
        if self._refusal is None:
            return True
        status, code, reason = self._refusal
        kind = {401: "denied", 403: "denied", 429: "busy"}.get(status, "malformed")
        self.answer(status, kind, actuations.encode_refusal(code, reason))
        return False

    def answer(self, status: int, kind: str, content: bytes) -> None:
        """Answer in JSON; ``kind`` is what it is counted as."""
        if self.request.method == "POST":
            self._hub.dispatch.answers[kind] += 1
        if status == 503:
            self.set_header("Retry-After", str(RETRY_AFTER_S))
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(content + b"\n")

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """The status, as every other answer is."""
        if status_code == 405:
            self.set_header("Allow", self.METHODS)
        code = "malformed" if status_code < 500 else "failed"
        self.answer(status_code, code, actuations.encode_refusal(code, self._reason))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """What a peer did wrong is no news; a fault of ours is."""
        if not isinstance(value, HTTPError | HTTPInputError | StreamClosedError):
            log.error("%s: fault while serving this request; please report it", self.name, exc_info=value)

    @property
    def name(self) -> str:
        """See peers.Peer."""
        return str(self.request.remote_ip)


class ActuationsHandler(ServiceHandler):
    """``/v1/actuations``: asks for one. While it waits for the outcome it is a peers.Peer."""

    METHODS = "POST"
    _told: asyncio.Future[Told] | None = None

    async def post(self) -> None:
        """200, 202, or why not: see actuations.STATUS."""
        if not self.is_admitted():
            return
        hub = self._hub
        told: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

        def done(writes: tuple[PlannedWrite, ...], outcomes: tuple[Outcome, ...], uid: str) -> None:
            if not told.done():
                told.set_result((writes, outcomes, uid))

        try:
            if self.request.headers.get("Content-Encoding", "identity") != "identity":
                raise Malformed("send the body as it is, not compressed")
            command = actuations.parse_command(bytes(self._body), self.get_query_arguments("ttl"))
            parked = hub.dispatch.submit(command, self._service, len(self._body), done)
        except Malformed as error:
            log.info("%s: bad actuation: %s", self.name, error)
            self.answer(400, "malformed", actuations.encode_refusal("malformed", str(error)))
            return
        except NotPossible as error:
            kind = "busy" if error.code == "busy" else "failed"
            self.answer(actuations.STATUS[error.code], kind, actuations.encode_refusal(error.code, str(error)))
            return
        if parked is not None:
            self.set_header("Location", f"/v1/actuations/{parked.id}")
            self.answer(202, "waiting", actuations.encode_waiting(parked.id, parked.uid))
            return
        await self._wait(told)

    async def _wait(self, told: asyncio.Future[Told]) -> None:
        self._told = told
        self._hub.connected(self)
        try:
            writes, outcomes, uid = await told
            state, first = actuations.ended(outcomes)
            content = actuations.encode_outcomes(writes, outcomes, uid=uid)
            self.answer(actuations.status_of(first), "delivered" if state == "delivered" else "failed", content)
        except asyncio.CancelledError:
            if not told.cancelled():
                raise
            reason = "the broker stops: whether the device did it is not known"
            self.answer(503, "failed", actuations.encode_refusal("timeout", reason))
        finally:
            self._hub.disconnected(self)

    def goodbye(self) -> None:
        """See peers.Peer: whoever waits is told that no word will come."""
        if self._told is not None:
            self._told.cancel()

    def evict(self) -> None:
        """See peers.Peer. Never called: nobody has to make room here."""


class ActuationHandler(ServiceHandler):
    """``/v1/actuations/<id>``: what became of one that had to wait."""

    METHODS = "GET"

    def get(self, id: str) -> None:
        """200 with its state; 404 when there is none, or none any more."""
        if not self.is_admitted():
            return
        parked = self._hub.dispatch.parked.find(id)
        if parked is None:
            content = actuations.encode_refusal("unknown", "there is no such actuation, or not any more")
            self.answer(404, "failed", content)
        elif parked.state == "waiting":
            self.answer(200, "waiting", actuations.encode_waiting(id, parked.uid))
        else:
            content = actuations.encode_outcomes(parked.writes, parked.outcomes, uid=parked.uid, id=id)
            self.answer(200, "delivered", content)
