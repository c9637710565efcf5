# SPDX-License-Identifier: BSD-3-Clause
"""One gateway at ``/gw``: handshake, signed frames, acknowledgement (PROTOCOL.md section 2)."""

from __future__ import annotations

import asyncio
import logging
import secrets

from pyaiot.addresses import address_of_another, is_loopback
from pyaiot.broker.framing import text_frame
from pyaiot.broker.hub import Hub
from pyaiot.broker.websocket import Peer
from pyaiot.http_origin import seen_by_proxy
from pyaiot.wire import codec, handshake
from pyaiot.wire.errors import BadSignature, HandshakeFailed, Malformed
from pyaiot.wire.messages import ABOUT, CHECK, LIVENESS, BrokerFrame, BrokerMessage, Refused
from pyaiot.wire.signing import PublicKey

log = logging.getLogger("pyaiot.broker")

HANDSHAKE_TIMEOUT_S = 5.0
#: An acknowledgement is a signature; one for several frames is as good, and this is how long it may wait …
ACK_DELAY_S = 0.02
#: … or for how many messages.
ACK_AFTER_MESSAGES = 4096
#: What may wait for a gateway that does not read; more, and its session ends.
MAX_WAITING_BYTES = 256 * 1024
#: Refusals told for one frame.
MAX_REFUSALS = 16

#: What this broker takes besides what every broker takes.
FEATURES = (ABOUT, LIVENESS)
#: What has to be known of it before who asks says who it is.
HELLO_FEATURES = (CHECK,)
#: The same for every cause, so that nobody learns which names exist.
NOT_AUTHENTICATED = "not authenticated"


class GatewaySession(Peer):
    """The ``/gw`` of one gateway."""

    def initialize(self, hub: Hub) -> None:
        """``hub``: what all sessions of this broker share."""
        self._hub = hub
        self._hello = ""
        self._session: handshake.Session | None = None
        self._gone = False
        self._waiting_bytes = 0
        self._acked = 0
        self._applied = 0
        self._ack_timer: asyncio.TimerHandle | None = None
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def key(self) -> PublicKey | None:
        """The key that the gateway authenticated with."""
        return self._session.key if self._session else None

    def can(self, feature: str) -> bool:
        """Whether the gateway has told that it can do that, besides what all can."""
        return self._session is not None and feature in self._session.features

    @property
    def max_message_size(self) -> int:
        """Bytes in a message of a gateway."""
        return codec.MAX_FRAME_BYTES if self._session else handshake.MAX_HANDSHAKE_BYTES

    def prepare(self) -> None:
        """Gateways are programs that speak our sub-protocol, not web pages."""
        offered = self.request.headers.get("Sec-WebSocket-Protocol", "")
        if self.request.headers.get("Origin") is not None:
            self._refuse(403, "a web page is not a gateway")
        elif handshake.SUBPROTOCOL not in (each.strip() for each in offered.split(",")):
            self._refuse(401, f"Invalid subprotocols: this broker speaks {handshake.SUBPROTOCOL}")

    def _refuse(self, status: int, reason: str) -> None:
        log.warning("%s: gateway refused: %s", self.name, reason)
        self._hub.counters.gateways_refused += 1
        self.set_status(status)
        self.finish(reason)

    def select_subprotocol(self, subprotocols: list[str]) -> str | None:
        """Ours; ``prepare`` has seen to it that it is offered."""
        return handshake.SUBPROTOCOL

    def open(self, *args: str, **kwargs: str) -> None:
        """Connected: say hello."""
        super().open()
        self._hub.connected(self)
        self._hub.gateway_arrived(self)
        nonce = secrets.token_bytes(handshake.NONCE_BYTES)
        self._hello = handshake.make_hello(self._hub.key.public, nonce, HELLO_FEATURES)
        self._write(self._hello)
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(HANDSHAKE_TIMEOUT_S, self._fail_handshake, "it took too long")

    def on_message(self, message: str | bytes) -> asyncio.Future[None] | None:
        """Take the gateway's auth, then its frames. Tornado reads the next once the future given here is done."""
        if self._gone:
            return None
        if self._session is None:
            self._authenticate(message)
            return None
        self._take_frame(message, self._session)
        return self._hub.until_told()

    def on_close(self) -> None:
        """The connection ended, however."""
        self._end()
        self._hub.disconnected(self)

    # Handshake

    def _authenticate(self, message: str | bytes) -> None:
        try:
            if isinstance(message, bytes):
                raise HandshakeFailed("auth is not text")
            session = handshake.accept_auth(self._hello, message, self._hub.key, self._hub.authorized.get)
        except HandshakeFailed as error:
            self._fail_handshake(str(error))
            return
        if session.check:
            # What it asked for is proved, and the session of that name that there may be goes on.
            log.debug("%s: the key of gateway %s was checked", self.name, session.gateway)
            self._write(handshake.make_welcome(session, 0, FEATURES))
            self._finish(handshake.CLOSE_DONE, "checked")
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self._acked = self._applied = self._hub.gateway_entered(
            self, session.gateway, session.epoch, session.doors, self._host_of_gateway()
        )
        self._session = session
        self._allow_frames()
        self._write(handshake.make_welcome(session, self._acked, FEATURES))
        log.info("Gateway %s: connected from %s", session.gateway, self._origin())

    def _host_of_gateway(self) -> str | None:
        """Where devices find the gateway; None where that is the broker's own host."""
        raw = self.stream.socket
        return None if raw is None else address_of_another(self._origin(), str(raw.getsockname()[0]))

    def _origin(self) -> str:
        """The address of the gateway; a proxy on this host has seen it, and one elsewhere is as far as we believe."""
        proxied = seen_by_proxy(self.request.headers.get("X-Forwarded-For")) if is_loopback(self.name) else None
        return proxied or self.name

    def _allow_frames(self) -> None:
        """From now on messages may be as long as frames are; Tornado took the handshake's limit when it opened."""
        self.ws_connection.params.max_message_size = codec.MAX_FRAME_BYTES  # type: ignore[union-attr]

    def _fail_handshake(self, why: str) -> None:
        if self._session is None and not self._gone:
            log.warning("%s: gateway refused: %s", self.name, why)
            self._hub.counters.gateways_refused += 1
            self._finish(handshake.CLOSE_NOT_AUTHENTICATED, NOT_AUTHENTICATED)

    # Frames

    def _take_frame(self, message: str | bytes, session: handshake.Session) -> None:
        try:
            if isinstance(message, bytes):
                raise BadSignature("not text")
            frame = codec.decode_gateway_frame(session.opener.open(message))
        except (BadSignature, Malformed) as error:
            self._hub.counters.frames_bad += 1
            log.error("Gateway %s: bad frame from %s, session ended: %s", session.gateway, self.name, error)
            if isinstance(error, BadSignature):
                self._finish(handshake.CLOSE_NOT_AUTHENTICATED, NOT_AUTHENTICATED)
            else:
                self._finish(handshake.CLOSE_BAD_FRAME, "malformed frame")
            return
        self._hub.counters.frames += 1
        applied = self._hub.directory.apply(session.gateway, frame.first, frame.messages)
        for result in applied.results:
            self._hub.writes.finish(session.gateway, result)
        for uid, reason in applied.refused[:MAX_REFUSALS]:
            log.warning("Gateway %s: refused what it said of %r: %s", session.gateway, uid, reason)
            self.send(Refused(uid=uid, reason=reason))
        if self._hub.directory.is_removing:
            self._hub.arm()
        self._applied = self._hub.directory.owners[session.gateway].ack
        if self._applied - self._acked >= ACK_AFTER_MESSAGES:
            self._acknowledge()
        elif self._ack_timer is None and self._applied != self._acked:
            self._ack_timer = asyncio.get_running_loop().call_later(ACK_DELAY_S, self._acknowledge)

    def _acknowledge(self) -> None:
        if self._ack_timer is not None:
            self._ack_timer.cancel()
            self._ack_timer = None
        if self._applied != self._acked and not self._gone:
            self._acked = self._applied
            self._send_frame(BrokerFrame(ack=self._acked))

    def send(self, message: BrokerMessage) -> None:
        """Send one message to the gateway, with an acknowledgement if one is due."""
        ack = self._applied if self._applied != self._acked else None
        self._acked = self._applied
        self._send_frame(BrokerFrame(ack=ack, messages=[message]))

    def _send_frame(self, frame: BrokerFrame) -> None:
        if self._session is not None and not self._gone:
            self._write(self._session.sealer.seal(codec.encode(frame)))

    def _write(self, text: str) -> None:
        frame = text_frame(text.encode())
        size = len(frame)

        def written() -> None:
            self._waiting_bytes -= size

        if self.write_raw(frame, written):
            return
        self._waiting_bytes += size
        if self._waiting_bytes > MAX_WAITING_BYTES:
            log.error("%s: gateway does not read what it is sent; session ended", self.name)
            self._end()
            self.abort()

    # The end

    def replace(self) -> None:
        """A newer session of the same gateway is there."""
        self._finish(handshake.CLOSE_REPLACED, "replaced by a newer session")

    def revoke(self) -> None:
        """This gateway is no longer admitted."""
        if self._session is not None:
            log.warning("Gateway %s: no longer authorized; session ended", self._session.gateway)
        self._finish(handshake.CLOSE_NOT_AUTHENTICATED, NOT_AUTHENTICATED)

    def goodbye(self) -> None:
        """The broker stops."""
        self._acknowledge()
        self._finish(handshake.CLOSE_GOING_AWAY, "the broker stops")

    def evict(self) -> None:
        """Make room for others: this one has not shown who it is yet."""
        self._end()
        self.abort()

    def _finish(self, code: int, reason: str) -> None:
        self._end()
        self.close(code, reason)

    def _end(self) -> None:
        """Nothing that still comes counts, and the hub knows."""
        if self._gone:
            return
        self._gone = True
        self._hub.handshakes.leave(self)
        for timer in (self._ack_timer, self._deadline):
            if timer is not None:
                timer.cancel()
        if self._session is not None:
            self._hub.gateway_left(self, self._session.gateway)
            log.info("Gateway %s: session from %s ended", self._session.gateway, self._origin())
