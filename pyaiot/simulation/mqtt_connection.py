# SPDX-License-Identifier: BSD-3-Clause
"""One connection of a simulated device to an MQTT broker (MQTT 3.1.1, QoS 1), from CONNECT until it breaks.

gmqtt speaks the protocol; its own way to reconnect (at a fixed pace, for ever, in tasks that nobody owns) is left out:
who wants another connection makes one.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from typing import Any

from gmqtt import Client, Message, MQTTConnectError, Subscription  # type: ignore[import-untyped]
from gmqtt.mqtt.constants import MQTTv311  # type: ignore[import-untyped]
from gmqtt.storage import PersistentStorage  # type: ignore[import-untyped]

from pyaiot.system_errors import reason_of

KEEPALIVE_S = 30
#: How long the MQTT broker may take to accept the connection, for CONNACK, and for SUBACK.
ANSWER_TIMEOUT_S = 5.0
#: Messages that the MQTT broker has not acknowledged; with more the connection counts as broken.
MAX_UNACKNOWLEDGED = 256

#: topic, payload, whether it was retained. Called from the connection's callbacks: it returns at once.
Heard = Callable[[str, bytes, bool], None]


class ConnectionFailed(Exception):
    """There is no connection (any more); ``str()`` says why. ``refused``: the MQTT broker does not let it in."""

    def __init__(self, reason: str, *, refused: bool = False) -> None:
        super().__init__(reason)
        self.refused = refused


class Connection:
    """One connection. ``will`` is the topic of its last will; ``heard`` is told what comes for its subscriptions."""

    def __init__(self, client_id: str, heard: Heard, *, will: str | None = None) -> None:
        message = None if will is None else Message(will, "lost", qos=1)
        self._unacknowledged = PersistentStorage()
        self._client = _Client(client_id, will_message=message, persistent_storage=self._unacknowledged)
        self._client.on_message = self._received
        self._client.on_disconnect = self._broken
        self._client.on_subscribe = self._granted
        self._heard = heard
        self._lost = asyncio.Event()
        self._subscribed = asyncio.Event()
        self._grants: Sequence[int] = ()

    async def open(self, host: str, port: int, user: str = "", password: str = "") -> None:
        """Connect, and wait for CONNACK. Raises ConnectionFailed."""
        if user:
            self._client.set_auth_credentials(user, password)
        connecting = asyncio.create_task(
            self._client.connect(host, port, keepalive=KEEPALIVE_S, version=MQTTv311), name="wait for CONNACK"
        )
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._unless_lost(connecting)
        except TimeoutError:
            raise ConnectionFailed("does not answer") from None
        except MQTTConnectError as error:
            reason = error.message.removeprefix("Connection Refused: ")
            who = f"user {user!r}" if user else "no user name given"
            raise ConnectionFailed(f"refuses the connection: {reason} ({who})", refused=True) from None
        except OSError as error:
            raise ConnectionFailed(f"is not there ({reason_of(error)})") from None

    async def subscribe(self, topics: Sequence[str]) -> None:
        """Subscribe at QoS 1, and wait until the MQTT broker has granted it. Raises ConnectionFailed."""
        self._client.subscribe([Subscription(topic, qos=1) for topic in topics])
        granted = asyncio.create_task(self._subscribed.wait(), name="wait for SUBACK")
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._unless_lost(granted)
        except TimeoutError:
            raise ConnectionFailed("does not answer") from None
        if refused := [topic for topic, code in zip(topics, self._grants, strict=False) if code >= 0x80]:
            raise ConnectionFailed(f"does not let it subscribe to {', '.join(refused)}", refused=True)

    def say(self, topic: str, payload: str) -> None:
        """Publish at QoS 1, not retained; nothing where the connection is broken, which :meth:`pause` tells."""
        if self._lost.is_set():
            return
        if len(self._unacknowledged.get_all()) >= MAX_UNACKNOWLEDGED:
            self._lost.set()
            return
        self._client.publish(topic, payload, qos=1)

    async def pause(self, seconds: float) -> None:
        """Let time pass. Raises ConnectionFailed as soon as the connection is broken."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, seconds)):
                await self._lost.wait()
        if self._lost.is_set():
            raise ConnectionFailed("ended the connection")

    async def acknowledged(self, within_s: float) -> bool:
        """Wait until the MQTT broker has acknowledged everything that was said; false when it did not in time."""
        waiting = asyncio.create_task(self._unacknowledged.wait_empty(), name="wait for PUBACK")
        try:
            async with asyncio.timeout(within_s):
                await self._unless_lost(waiting)
        except (TimeoutError, ConnectionFailed):
            return False
        return True

    async def close(self) -> None:
        """Say DISCONNECT, so that the will is not published, and close; safe in every state."""
        if self._lost.is_set():
            return  # gmqtt has closed it
        self._lost.set()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await self._client.disconnect()

    async def _unless_lost(self, task: asyncio.Task[Any]) -> None:
        """Wait for ``task``, which is cancelled where this is. Raises ConnectionFailed."""
        losing = asyncio.create_task(self._lost.wait(), name="wait for the end of the connection")
        try:
            await asyncio.wait((task, losing), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise ConnectionFailed("ended the connection")
            task.result()
        finally:
            for each in (task, losing):
                each.cancel()
            await asyncio.gather(task, losing, return_exceptions=True)

    # gmqtt's callbacks

    def _received(self, client: Client, topic: str, payload: bytes, qos: int, properties: dict[str, Any]) -> int:
        if not self._lost.is_set():
            self._heard(topic, payload, bool(properties["retain"]))
        return 0

    def _granted(self, client: Client, mid: int, qos: Sequence[int], properties: dict[str, Any]) -> None:
        self._grants = qos
        self._subscribed.set()

    def _broken(self, client: Client, packet: bytes, exc: Exception | None = None) -> None:
        self._lost.set()


class _Client(Client):  # type: ignore[misc]
    async def reconnect(self, delay: bool = False) -> None:
        """Never: another connection is another object."""


async def own_address(host: str, port: int) -> str:
    """The address of this host from which ``host`` is reached; nothing is sent. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.connect(address)
        return str(probe.getsockname()[0])
