# SPDX-License-Identifier: BSD-3-Clause
"""A WebSocket device without hardware: it connects to a real gateway, at ``/node`` or with a token.

It says what it has when it is asked to (or accepted), its measured values every few seconds, and the new value of what
was written (PROTOCOL.md section 1.3). A device costs one connection and one task; whatever becomes of the connection,
it goes on trying.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI
from websockets.typing import Subprotocol

from pyaiot.addresses import in_url
from pyaiot.simulation.resources import RESOURCES, Resource, about_of, make_resource
from pyaiot.simulation.ws_dialects import Dialect, NodeDialect, TokenDialect, Write

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 1.0
#: The gateway is dead when it answers no ping of ours for so long.
PING_S = 10.0
#: How often a device with a token asks whether the gateway is there; unanswered until the next time, it is not.
ASK_S = 30.0
#: Before the next try it waits a random part of a ceiling that doubles.
RETRY_FIRST_S = 0.5
RETRY_CEILING_S = 10.0
#: A connection that lasted so long was a good one: the ceiling begins anew.
STEADY_S = 5.0
#: The longest message of the gateway, in bytes.
MAX_MESSAGE_BYTES = 65_536


class SimulatedWsDevice:
    """A device with some of :data:`RESOURCES`. Either :meth:`run` it, or :meth:`start` and :meth:`stop` it."""

    def __init__(
        self,
        uid: str,
        gateway_host: str = "localhost",
        gateway_port: int = 8001,
        *,
        attributes: Mapping[str, str] | None = None,
        resources: Iterable[str] = ("led", "temperature"),
        interval_s: float = 5.0,
        seed: int | str | None = None,
        token_file: str | Path | None = None,
        describes: bool = False,
    ) -> None:
        """``attributes`` are resources that never change; ``interval_s`` is that of the values.

        With a ``token_file`` it speaks ``echo-protocol``, by the token in that file as it is when it connects.
        With ``describes`` (and without a token) it says what its resources are.
        ``seed`` makes the values repeatable; by default the uid is the seed. Raises ValueError for an unknown resource.
        """
        names = list(dict.fromkeys(resources))
        if unknown := set(names) - set(RESOURCES):
            raise ValueError(f"there is no simulated {', '.join(sorted(unknown))}: choose of {', '.join(RESOURCES)}")
        self.uid = uid
        self._dialect: Dialect = NodeDialect(uid) if token_file is None else TokenDialect(uid, names)
        self._token_file = token_file
        self._describes = describes and token_file is None
        self._url = f"ws://{in_url(gateway_host)}:{gateway_port}{self._dialect.path}"
        seed = uid if seed is None else seed
        self._random = random.Random(f"device {seed}")
        self._attributes = {"name": "Python WebSocket Node", "os": "python"} if attributes is None else dict(attributes)
        self._resources: dict[str, Resource] = {
            name: make_resource(name, seed=seed, interval_s=interval_s) for name in names
        }
        self._connection: ClientConnection | None = None
        self._accepted = False
        self._awaits_pong = False
        self._ask_at: float | None = None
        self._task: asyncio.Task[None] | None = None
        self._complained = ""

    @property
    def connected(self) -> bool:
        """Whether the gateway has let it in."""
        return self._connection is not None and self._accepted

    async def run(self) -> None:
        """Be a device until cancelled."""
        await self.start()
        try:
            assert self._task is not None
            await self._task
        finally:
            await self.stop()

    async def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._live(), name=f"simulated device {self.uid}")

    async def stop(self) -> None:
        """Close the connection; may be called twice."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def lose_connection(self) -> None:
        """Have no connection any more, as when the network goes; it connects anew."""
        if self._connection is not None:
            self._connection.transport.abort()

    def read(self, resource: str) -> str:
        """The present value of a resource, as it is told."""
        return self._attributes.get(resource) or self._resources[resource].read()

    # One connection after another.

    async def _live(self) -> None:
        ceiling_s = RETRY_FIRST_S
        while True:
            began = time.monotonic()
            try:
                await self._serve()
            except (OSError, EOFError, TimeoutError, UnicodeError, InvalidHandshake, InvalidURI) as error:
                self._complain(str(error) or type(error).__name__)
            except ConnectionClosed as closed:
                self._complain(f"the connection closed: {closed}")
            finally:
                self._connection, self._accepted = None, False
            if time.monotonic() - began > STEADY_S:
                ceiling_s = RETRY_FIRST_S
            await asyncio.sleep(self._random.uniform(0.1, 1) * ceiling_s)
            ceiling_s = min(2 * ceiling_s, RETRY_CEILING_S)

    def _complain(self, reason: str) -> None:
        """Say once for all tries of an outage what is wrong."""
        if reason != self._complained:
            self._complained = reason
            logger.warning("device %s: %s: %s; trying on", self.uid, self._url, reason.splitlines()[0])

    async def _serve(self) -> None:
        hello = self._dialect.hello(self._token())
        async with connect(
            self._url,
            subprotocols=None if self._dialect.subprotocol is None else [Subprotocol(self._dialect.subprotocol)],
            compression=None,
            proxy=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_size=MAX_MESSAGE_BYTES,
        ) as connection:
            self._connection = connection
            if hello is not None:
                await connection.send(hello)
            self._awaits_pong = False
            self._ask_at = None if self._dialect.ping() is None else time.monotonic() + ASK_S
            if self._dialect.open:
                self._accept()
            measured = [name for name, resource in self._resources.items() if resource.interval_s is not None]
            while True:
                moments = [self._resources[name].due_at for name in measured if self._accepted]
                if self._ask_at is not None:
                    moments.append(self._ask_at)
                due_at = min(moments, default=None)
                try:
                    async with asyncio.timeout(None if due_at is None else max(0.0, due_at - time.monotonic())):
                        message = await connection.recv()
                except TimeoutError:
                    if self._ask_at is not None and time.monotonic() >= self._ask_at:
                        await self._ask(connection)
                    if self._accepted:
                        await self._tell_due(measured)
                else:
                    await self._heard(message)

    def _token(self) -> str:
        """Raises OSError, UnicodeError."""
        return "" if self._token_file is None else Path(self._token_file).read_text(encoding="utf-8").strip()

    def _accept(self) -> None:
        """It is a device of the gateway from now on."""
        self._accepted, self._complained = True, ""
        logger.info("device %s: connected to %s", self.uid, self._url)
        for resource in self._resources.values():  # not all at the same moment
            resource.due_at = time.monotonic() + self._random.uniform(0.1, 1) * (resource.interval_s or 0.0)

    async def _ask(self, connection: ClientConnection) -> None:
        """Have the gateway say that it is there. Raises TimeoutError: it has not, since it was asked last."""
        if self._awaits_pong:
            raise TimeoutError("the gateway answers no ping")
        self._ask_at, self._awaits_pong = time.monotonic() + ASK_S, True
        await connection.send(self._dialect.ping() or "")

    async def _tell_due(self, measured: Iterable[str]) -> None:
        now = time.monotonic()
        due = [name for name in measured if now >= self._resources[name].due_at]
        for name in due:
            resource = self._resources[name]
            resource.due_at = max(resource.due_at + (resource.interval_s or 0.0), now)
        if due:
            await self._tell(due)

    # Messages.

    async def _describe(self) -> None:
        said = {name: dict(about_of(name)) for name in self._resources if about_of(name)}
        if self._describes and said and self._connection is not None:
            await self._connection.send(json.dumps({"type": "about", "data": said}, ensure_ascii=False))

    async def _tell(self, names: Iterable[str]) -> None:
        if self._connection is not None:
            update = {"type": "update", "data": {name: self.read(name) for name in names}}
            await self._connection.send(json.dumps(update, ensure_ascii=False))

    async def _heard(self, text: str | bytes) -> None:
        heard = self._dialect.hear(text)
        if heard is None:
            logger.info("device %s: the gateway said what means nothing here", self.uid)
            return
        if heard.pong:
            self._awaits_pong = False
        if heard.tell_all:
            if not self._accepted:
                self._accept()
            await self._describe()
            await self._tell([*self._attributes, *self._resources])
        for write in heard.writes:
            await self._write(write)

    async def _write(self, write: Write) -> None:
        name, value = write
        resource = self._resources.get(name)
        if resource is None or resource.write is None:
            logger.info("device %s: %.40s cannot be written", self.uid, name)
            return
        if resource.write(value) is None:
            logger.info("device %s: %s cannot be %.40s", self.uid, name, value)
        else:
            logger.info("device %s: %s is now %.40s", self.uid, name, resource.read())
        await self._tell([name])
