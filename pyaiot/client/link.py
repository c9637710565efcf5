# SPDX-License-Identifier: BSD-3-Clause
"""The connection to the broker: one after another, while it is wanted; each is given what the last one had.

What was asked for over a connection that is lost fails, and is never asked for again by itself: a write may have
happened.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import ssl
from collections.abc import Callable
from typing import Any, Final

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from pyaiot.addresses import without_zone
from pyaiot.client.errors import failure, typed
from pyaiot.client.standing import Standing
from pyaiot.gateway.backoff import Backoff
from pyaiot.rpc.errors import RpcError
from pyaiot.rpc.limits import Limits
from pyaiot.rpc.peer import Peer
from pyaiot.system_errors import number_of, reason_of
from pyaiot.tls.trust import failure as tls_failure
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.client")

#: The longest message that the broker may send, in bytes; a page of nodes has 256 KiB.
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
#: How deep: the value of a resource (12), and what a page of nodes is around it.
MAX_DEPTH: Final = 32
#: What the broker takes (PROTOCOL.md section 3.5).
LIMITS: Final = Limits(max_bytes=16_384)
#: What names the file of trusted certificates.
CA_OPTION: Final = "--ca (AIOT_BROKER_CA)"
DIAL_S: Final = 10.0
#: How long the broker may take to say that the connection is closed.
CLOSE_S: Final = 1.0
#: How much longer than what was asked we wait for the broker's word; the broker waits 1 s longer for a gateway's.
MARGIN_S: Final = 2.0
#: A connection that held for so long was a good one.
PROVED_AFTER_S: Final = 5.0
#: The broker closes so when another has shown the token of our id (PROTOCOL.md section 3.5).
CLOSE_REPLACED: Final = 4409


class Link:
    """Keeps connected to ``url``. ``methods`` is asked at each connection what the broker may call."""

    def __init__(
        self,
        url: str,
        token: str | None,
        methods: Callable[[], dict[str, Callable[..., Any]]],
        standing: Standing,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._url = url
        self._tls = tls
        self._token = token
        self._methods = methods
        self._standing = standing
        self._backoff = Backoff(random.random)
        #: The connection, from its beginning; and once it may be used.
        self._begun: Peer | None = None
        self._peer: Peer | None = None
        self._changed = asyncio.Condition()
        #: Why it was given up; None: it was not.
        self.fatal: RpcError | None = None
        #: Why the last attempt failed.
        self.trouble = ""

    @property
    def connected(self) -> bool:
        """Whether there is a connection now."""
        return self._peer is not None

    def offer(self, name: str, function: Callable[..., Any]) -> None:
        """The broker may call one more. Raises ValueError: there is one of that name."""
        if self._begun is not None:
            self._begun.method(name)(function)

    async def run(self) -> None:
        """Until cancelled, or it makes no sense to go on (:attr:`fatal`)."""
        loop = asyncio.get_running_loop()
        while self.fatal is None:
            began = loop.time()
            try:
                await self._connect_once()
            except RpcError as error:
                if error.name in ("forbidden", "unsupported"):
                    await self.give_up(typed(error))
                    return
                self.trouble = str(error)
            except InvalidHandshake as error:
                self.trouble = _told_by(error)
            except ssl.SSLError as error:
                self.trouble = tls_failure(error, CA_OPTION)
            except TimeoutError:
                self.trouble = "no answer" + ("; does it speak TLS?" if self._tls is not None else "")
            except ConnectionResetError:  # uvloop's has no text
                self.trouble = "it ended the connection"
            except OSError as error:
                refused = number_of(error) == errno.ECONNREFUSED
                self.trouble = "nothing listens there" if refused else reason_of(error)
            except (WebSocketException, ValueError) as error:
                self.trouble = str(error) or type(error).__name__
            else:
                self.trouble = "the connection was closed"
            if loop.time() - began >= PROVED_AFTER_S:
                self._backoff.succeeded()
            delay_s = self._backoff.failed(loop.time())
            await self._set(None)
            log.debug("No connection to %s: %s; next try in %.1f s", self._url, self.trouble, delay_s)
            await asyncio.sleep(delay_s)

    async def _connect_once(self) -> None:
        """One connection, to its end. Raises OSError, WebSocketException, RpcError: it did not come to be."""
        url, to = without_zone(self._url)
        async with connect(
            url,
            **to,
            ssl=self._tls,  # there is one for wss://, and only then
            open_timeout=DIAL_S,
            close_timeout=CLOSE_S,
            compression=None,
            proxy=None,
            max_size=MAX_MESSAGE_BYTES,
            user_agent_header="pyaiot-client",
        ) as websocket:
            peer = self._begun = Peer(max_depth=MAX_DEPTH, limits=LIMITS)
            for name, function in self._methods().items():
                peer.method(name)(function)
            running = asyncio.create_task(peer.run(websocket), name="aiot client: connection")
            try:
                if self._token is not None:
                    await peer.request("session.authenticate", {"token": self._token})
                await self._standing.restore(peer)
                await self._set(peer)
                await asyncio.wait((running,))
            finally:
                self._peer = self._begun = None
                self._standing.lost()
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                if websocket.close_code == CLOSE_REPLACED:
                    self._standing.replaced()

    async def give_up(self, why: RpcError) -> None:
        """Whoever waits for a connection, or asks for one, is told ``why`` there is none."""
        self.fatal = why
        await self._set(None)

    def begin(self) -> None:
        """Forget that it was given up."""
        self.fatal = None

    async def _set(self, peer: Peer | None) -> None:
        self._peer = peer
        async with self._changed:
            self._changed.notify_all()

    async def peer(self, timeout_s: float) -> Peer:
        """The connection, as soon as there is one. Raises RpcError ``offline``, or why it was given up."""
        try:
            async with asyncio.timeout(timeout_s), self._changed:
                await self._changed.wait_for(lambda: self._peer is not None or self.fatal is not None)
        except TimeoutError:
            raise self._offline() from None
        if self._peer is None:
            raise self.fatal or self._offline()
        return self._peer

    def _offline(self) -> RpcError:
        why = f": {self.trouble}" if self.trouble else ""
        return failure("offline", f"no connection to the broker at {self._url}{why}")

    async def first_attempt(self) -> None:
        """Wait until the first attempt has succeeded or failed. Raises as :meth:`peer`."""
        async with self._changed:
            await self._changed.wait()
        if self._peer is None:
            raise self.fatal or self._offline()

    async def call(self, method: str, params: JSON, timeout_s: float) -> JSON:
        """Ask the broker; ``timeout_s`` is the broker's own patience. Raises RpcError, as its class.

        It ends MARGIN_S later at the latest, also where there is no connection at first.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout_s + MARGIN_S
        peer = await self.peer(timeout_s)
        try:
            return await peer.request(method, params, timeout=deadline - clock())
        except RpcError as error:
            raise typed(error) from None


def _told_by(error: InvalidHandshake) -> str:
    """What the other side said instead of upgrading, on one line."""
    response = getattr(error, "response", None)
    body = getattr(response, "body", None) or b""
    words = " ".join(bytes(body)[:200].decode(errors="replace").split())
    return f"{error}: {words}" if words else str(error)
