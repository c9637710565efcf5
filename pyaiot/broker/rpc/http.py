# SPDX-License-Identifier: BSD-3-Clause
"""``POST /rpc`` for one-shot calls, and ``GET /rpc/openrpc.json`` (PROTOCOL.md section 3.5)."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any, Final, cast

from tornado.http1connection import HTTP1Connection
from tornado.httputil import HTTPInputError, HTTPServerRequest
from tornado.iostream import StreamClosedError
from tornado.routing import PathMatches
from tornado.web import HTTPError, stream_request_body

from pyaiot.broker.client_codec import MAX_MESSAGE_BYTES
from pyaiot.broker.hub import Hub
from pyaiot.broker.plain_handler import PlainHandler
from pyaiot.broker.rpc.api import Api
from pyaiot.broker.rpc.caller import Caller
from pyaiot.rpc.conversation import Call, Conversation
from pyaiot.rpc.encoding import encode_error
from pyaiot.rpc.errors import RpcError

log = logging.getLogger("pyaiot.broker")

MEDIA_TYPE: Final = "application/json"
#: Of a body that is too long so much is read, and dropped, to be able to say so; of a longer one nothing.
MAX_DROPPED_BYTES: Final = 1_048_576
TOO_LONG: Final = 413, RpcError.invalid_request(f"a message has at most {MAX_MESSAGE_BYTES} bytes")


class OneShot(PathMatches):
    """A request at the path that is no upgrade to WebSocket, which begins with GET (RFC 6455 section 4.1)."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        """See tornado.routing.Matcher."""
        return None if request.method == "GET" else super().match(request)


@stream_request_body
class RpcRequestHandler(PlainHandler):
    """One text in, one text out. While it waits for answers it is a peers.Peer."""

    def initialize(self, hub: Hub, api: Api) -> None:  # type: ignore[override]
        """``hub``: what all sessions of this broker share; ``api``: its methods."""
        super().initialize(hub)
        self._api = api
        self._refusal: tuple[int, RpcError] | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._is_stopping = False

    @property
    def name(self) -> str:
        """See peers.Peer."""
        return str(self.request.remote_ip)

    def prepare(self) -> None:
        """The head is judged before a byte of the body is kept; what was found is answered once that has been read."""
        hub, request, headers = self._hub, self.sender, self.request.headers
        self._body = bytearray()
        self._role = hub.gatekeeper.role(request)
        refusal = self.refusal(request)
        if refusal is not None:
            self._deny(403, refusal)
        elif self._role is None:
            self.set_header("WWW-Authenticate", 'Bearer realm="pyaiot"')
            self._deny(401, "a valid token is needed (aiot-generate-keys --client)")
        elif headers.get("Content-Type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
            self._refusal = 415, RpcError.invalid_request(f"send it as {MEDIA_TYPE}")
        elif headers.get("Content-Encoding", "identity") != "identity":
            self._refusal = 415, RpcError.invalid_request("send it as it is, not compressed")
        length = headers.get("Content-Length", "")
        limit = max(MAX_DROPPED_BYTES, int(length) if length.isdecimal() and len(length) < 16 else 0)
        cast("HTTP1Connection", self.request.connection).set_max_body_size(limit)
        if limit > MAX_DROPPED_BYTES:
            self._refusal = self._refusal or TOO_LONG
            self._refuse(*self._refusal)

    def _deny(self, status: int, reason: str) -> None:
        log.warning("%s: client refused: %s", self.name, reason)
        self._hub.counters.clients_refused += 1
        self._refusal = status, RpcError.of("forbidden", reason)

    def data_received(self, chunk: bytes) -> None:
        """A part of the body; not kept where nobody will read it."""
        if self._refusal is None:
            self._body += chunk
            if len(self._body) > MAX_MESSAGE_BYTES:
                self._body.clear()
                self._refusal = TOO_LONG

    async def post(self) -> None:
        """200 with the answer, 204 if there is none to give; what is no request for this place has its own status."""
        if self._refusal is not None:
            self._refuse(*self._refusal)
        else:
            await self._converse(Caller(self.name, self._role))

    async def _converse(self, caller: Caller) -> None:
        self._answer = asyncio.get_running_loop().create_future()
        conversation = Conversation(self._take_answer, counters=self._hub.rpc)
        calls = deque(conversation.receive(bytes(self._body)))
        self._hub.connected(self)
        try:
            await self._serve_all(conversation, calls, caller)
            if not conversation.owes_answer and not self._answer.done():
                self.set_status(204)
                self.finish()
            else:
                self._say(200, await self._answer)
        except asyncio.CancelledError:
            if not self._answer.cancelled():
                raise
            if self._is_stopping:
                self._refuse(503, RpcError.of("timeout", "the broker stops: whether it was done is not known"))
        finally:
            self._hub.disconnected(self)
            conversation.close()

    async def _serve_all(self, conversation: Conversation, calls: deque[Call], caller: Caller) -> None:
        served = asyncio.get_running_loop().create_future()

        def serve(call: Call) -> None:
            if self._answer is not None and not self._answer.cancelled():  # else nobody waits any more
                self._api.serve(conversation, call, caller)

        def done() -> None:
            if not served.done():
                served.set_result(None)

        if not self._hub.turns.serve_all(calls, serve, done):
            await served

    def _take_answer(self, text: bytes) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(text)

    def _refuse(self, status: int, error: RpcError) -> None:
        self._say(status, encode_error(None, error))

    def _say(self, status: int, text: bytes) -> None:
        self.set_status(status)
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(text)

    def on_connection_close(self) -> None:
        """Nobody waits any more."""
        if self._answer is not None:
            self._answer.cancel()

    def goodbye(self) -> None:
        """See peers.Peer: whoever waits is told that no word will come."""
        self._is_stopping = True
        if self._answer is not None:
            self._answer.cancel()

    def evict(self) -> None:
        """See peers.Peer. Never called: nobody has to make room here."""

    def write_error(self, status_code: int, **kwargs: object) -> None:
        """In JSON, as every other answer is."""
        if status_code == 405:
            self.set_header("Allow", "POST")
        self._refuse(status_code, RpcError.invalid_request(f"{status_code} {self._reason}"))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """What a peer did wrong is no news; a fault of ours is."""
        if not isinstance(value, HTTPError | HTTPInputError | StreamClosedError):
            log.error("%s: fault while serving this request; please report it", self.name, exc_info=value)


class OpenRpcHandler(PlainHandler):
    """What the methods are, for people and generators of clients."""

    def initialize(self, hub: Hub, api: Api) -> None:  # type: ignore[override]
        """As for :class:`RpcRequestHandler`."""
        super().initialize(hub)
        self._api = api

    def get(self) -> None:
        """The document; it holds nothing of devices."""
        self.set_header("Content-Type", MEDIA_TYPE)
        self.finish(self._api.document)
