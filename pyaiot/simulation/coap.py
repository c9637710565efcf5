# SPDX-License-Identifier: BSD-3-Clause
"""A CoAP device without hardware: it speaks real UDP, as the firmware does (PROTOCOL.md section 1.1).

It sends ``reset:<uid>`` and ``alive:<uid>`` at the start, ``alive`` again every 30 s and when the gateway says
that it does not know it (4.04), and its values every few seconds; it answers GET, PUT and POST from the same
socket. A device costs one socket and one task. Only aiocoap's message codec is used, not its protocol layers:
three devices have to fit beside a gateway in one process of the demo.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import random
import secrets
import socket
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiocoap import Message  # type: ignore[import-untyped]
from aiocoap.numbers import codes  # type: ignore[import-untyped]
from aiocoap.numbers.types import Type  # type: ignore[import-untyped]

from pyaiot.simulation.resources import RESOURCES, Resource, about_of, make_resource

logger = logging.getLogger(__name__)

#: How often a device says that it is alive, and how long it waits for the answer before it says it again.
ALIVE_INTERVAL_S = 30.0
ALIVE_TIMEOUT_S = 2.0
#: Requests of which the answer is kept, to answer a retransmission likewise.
REMEMBERED = 16


class SimulatedCoapDevice:
    """A device with some of :data:`RESOURCES`. Either :meth:`run` it, or :meth:`start` and :meth:`stop` it."""

    def __init__(
        self,
        uid: str,
        gateway_host: str = "localhost",
        gateway_port: int = 5683,
        *,
        port: int = 0,
        resources: Iterable[str] = ("led", "temperature", "pressure"),
        interval_s: float = 5.0,
        imu_interval_s: float = 0.2,
        name: str = "Python Test Node",
        board: str = "test_board",
        attributes: Mapping[str, str] | None = None,
        describes: bool = False,
        seed: int | str | None = None,
    ) -> None:
        """``port`` is the UDP port it listens on and sends from (0: any); ``interval_s`` that of the values.

        ``attributes`` are more resources that never change; with ``describes`` its links have attributes.
        ``seed`` makes the values repeatable; by default the uid is the seed. Raises ValueError for an unknown
        resource.
        """
        unknown = set(resources) - set(RESOURCES)
        if unknown:
            raise ValueError(f"there is no simulated {', '.join(sorted(unknown))}: choose of {', '.join(RESOURCES)}")
        self.uid = uid
        self._gateway_host = gateway_host
        self._gateway_port = gateway_port
        self._port = port
        self._seed = uid if seed is None else seed
        self._random = random.Random(f"device {self._seed}")
        self._resources: dict[str, Resource] = {
            "name": Resource(lambda: name),
            "board": Resource(lambda: board),
            "os": Resource(lambda: "python"),
        }
        for attribute, text in (attributes or {}).items():
            self._resources[attribute] = Resource(lambda text=text: text)  # type: ignore[misc]
        self._describes = describes
        names = list(dict.fromkeys(resources))
        for resource in names:
            every_s = imu_interval_s if resource == "imu" else interval_s
            self._resources[resource] = make_resource(
                resource, seed=self._seed, interval_s=every_s, updated="suit_state" in names
            )
        self._transport: asyncio.DatagramTransport | None = None
        self._gateway: Any = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._mid = secrets.randbelow(65536)
        self._alive_token = b""
        self._alive_at = 0.0
        self._answered: OrderedDict[tuple[Any, int], bytes] = OrderedDict()

    @property
    def port(self) -> int:
        """The UDP port it listens on; the one asked for, until it was started."""
        if self._transport is None:
            return self._port
        port: int = self._transport.get_extra_info("sockname")[1]
        return port

    async def run(self) -> None:
        """Be a device until cancelled. Raises OSError: the port is taken, the gateway's name is unknown."""
        await self.start()
        try:
            assert self._task is not None
            await self._task
        finally:
            await self.stop()

    async def start(self) -> None:
        """Open the socket and begin to send. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._gateway_host, self._gateway_port, type=socket.SOCK_DGRAM)
        # IPv4 first: a dual-stack gateway has both, one that was bound to 127.0.0.1 only that.
        family, _, _, _, self._gateway = min(found, key=lambda entry: entry[0] != socket.AF_INET)
        host = self._gateway[0]
        if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:  # else only this host may ask us
            host = "0.0.0.0" if family == socket.AF_INET else "::"
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: _Protocol(self._received), local_addr=(host, self._port), family=family
        )
        logger.info("device %s: at UDP port %d, for the gateway at %s", self.uid, self.port, self._gateway_host)
        self._task = loop.create_task(self._live(), name=f"simulated device {self.uid}")

    async def stop(self) -> None:
        """Close the socket; may be called twice."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def read(self, resource: str) -> str:
        """The present value of a resource, as a GET gives it."""
        return self._resources[resource].read()

    async def _live(self) -> None:
        now = time.monotonic()
        self._send(("alive",), f"reset:{self.uid}")
        self._alive(now)
        for resource in self._resources.values():
            if resource.interval_s is not None:  # not all at the same moment
                resource.due_at = now + self._random.uniform(0.1, 1) * resource.interval_s
        while True:
            due = [self._alive_at, *(r.due_at for r in self._resources.values() if r.interval_s is not None)]
            try:
                async with asyncio.timeout(max(0.001, min(due) - time.monotonic())):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            now = time.monotonic()
            if now >= self._alive_at:
                self._alive(now)
            for name, resource in self._resources.items():
                if resource.interval_s is not None and now >= resource.due_at:
                    resource.due_at = max(resource.due_at + resource.interval_s, now)
                    self._tell(name)

    def _alive(self, now: float) -> None:
        self._alive_token = self._send(("alive",), f"alive:{self.uid}")
        self._alive_at = now + ALIVE_TIMEOUT_S

    def _said_of(self, name: str) -> str:
        """The attributes of the link of a resource (RFC 6690)."""
        about = about_of(name) if self._describes else {}
        title = f';title="{about["title"]}"' if "title" in about else ""
        return title + (f';if="{"core.a" if about["writable"] else "core.s"}"' if "writable" in about else "")

    def _tell(self, name: str) -> None:
        self._send(("server",), f"{name}:{self._resources[name].read()}")

    # Messages.

    def _send(self, path: tuple[str, ...], text: str) -> bytes:
        """POST ``text``, non-confirmable as firmware does; returns the token of the request."""
        message = Message(code=codes.POST, uri_path=path, payload=text.encode())
        message.mtype = Type.NON
        message.mid = self._mid = (self._mid + 1) & 0xFFFF
        message.token = secrets.token_bytes(2)
        if self._transport is not None:
            self._transport.sendto(message.encode(), self._gateway)
        token: bytes = message.token
        return token

    def _received(self, data: bytes, address: Any) -> None:
        try:
            message = Message.decode(data)
        except Exception as error:  # aiocoap's UnparsableMessage, UnicodeDecodeError …
            logger.debug("device %s: no CoAP message from %s: %r", self.uid, address, error)
            return
        if message.code.is_response():
            if address[:2] == self._gateway[:2]:
                self._told(message)
        elif message.code.is_request() and message.mtype in (Type.CON, Type.NON):
            self._answer(message, address)
        elif message.mtype is Type.CON:  # a ping
            self._transmit(Message(code=codes.EMPTY), Type.RST, message.mid, b"", address)

    def _told(self, message: Message) -> None:
        if message.token == self._alive_token and message.code.is_successful():
            self._alive_token = b""
            self._alive_at = time.monotonic() + ALIVE_INTERVAL_S
        elif message.code == codes.NOT_FOUND and message.token != self._alive_token:
            # The gateway does not know us (any more): register at once, and tell everything again.
            now = time.monotonic()
            if not self._alive_token:
                logger.info("device %s: the gateway does not know us", self.uid)
                self._alive(now)
                for resource in self._resources.values():
                    resource.due_at = min(resource.due_at, now + 0.2)
                self._wake.set()

    def _answer(self, request: Message, address: Any) -> None:
        key = (address, request.mid)
        data = self._answered.get(key)
        if data is not None and self._transport is not None:
            self._transport.sendto(data, address)
            return
        response = self._respond(request)
        confirmable = request.mtype is Type.CON
        if not confirmable:
            self._mid = (self._mid + 1) & 0xFFFF
        mid = request.mid if confirmable else self._mid
        data = self._transmit(response, Type.ACK if confirmable else Type.NON, mid, request.token, address)
        self._answered[key] = data
        if len(self._answered) > REMEMBERED:
            self._answered.popitem(last=False)

    def _transmit(self, message: Message, kind: Type, mid: int, token: bytes, address: Any) -> bytes:
        message.mtype, message.mid, message.token = kind, mid, token
        data: bytes = message.encode()
        if self._transport is not None:
            self._transport.sendto(data, address)
        return data

    def _respond(self, request: Message) -> Message:
        path = request.opt.uri_path
        if path == (".well-known", "core") and request.code == codes.GET:
            links = ",".join(f"</{name}>{self._said_of(name)}" for name in self._resources)
            return Message(code=codes.CONTENT, payload=links.encode(), content_format=40)
        name = path[0] if len(path) == 1 else ""
        resource = self._resources.get(name)
        if resource is None:
            return Message(code=codes.NOT_FOUND)
        if request.code == codes.GET:
            return Message(code=codes.CONTENT, payload=resource.read().encode(), content_format=0)
        if resource.write is None or request.code not in (codes.PUT, codes.POST):
            return Message(code=codes.METHOD_NOT_ALLOWED)
        answer = resource.write(request.payload.decode(errors="replace"))
        if answer is None:
            return Message(code=codes.BAD_REQUEST)
        logger.info("device %s: %s is now %.40s", self.uid, name, resource.read())
        return Message(code=codes.CHANGED, payload=answer.encode())


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, received: Callable[[bytes, Any], None]) -> None:
        self._received = received

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._received(data, addr)

    def error_received(self, exc: Exception) -> None:
        logger.debug("a datagram could not be sent: %s", exc)
