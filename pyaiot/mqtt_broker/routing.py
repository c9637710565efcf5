# SPDX-License-Identifier: BSD-3-Clause
"""amqtt, which passes messages on: the only module that imports it.

amqtt reads what the guard lets through, keeps sessions and subscriptions, and finds who gets a message. It never
sees a socket, a password, a will, a retained message or an acknowledgement. Replaced here is what of it would not
scale or has no bound (numbers for amqtt 0.12.1):

- its queue of messages is unbounded, and so is that of each subscriber: ours has a bound, and each subscriber's is
  in its session;
- it compares each message with the filters of all clients, and prints all of them into a debug text at each
  SUBSCRIBE: here filters are found by their first two levels;
- filters stay for ever once they were used; it goes through those of all clients at each login;
- what a client published just before DISCONNECT is lost: the guard ends a session when all of it is taken;
- a client that goes at once is never seen to go: the inlet gives nothing after CONNECT until amqtt is ready.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from typing import Any

from amqtt.adapters import ReaderAdapter, WriterAdapter  # type: ignore[import-untyped]
from amqtt.broker import Broker  # type: ignore[import-untyped]

from pyaiot.mqtt_broker import fields, packets
from pyaiot.mqtt_broker.session import Session

#: Messages that wait to be passed on, and how many are in one go.
MAX_QUEUED = 256
BATCH = 32

_CONFIG = {"listeners": {"default": {"type": "external", "bind": "nowhere"}}, "plugins": {}}


class SessionInlet(ReaderAdapter):  # type: ignore[misc]
    """What amqtt reads of one client: whole packets, and then the end."""

    def __init__(self) -> None:
        self._packets: deque[bytes] = deque()
        self._current = b""
        self._at = 0
        self._ended = False
        self._greeting = True
        self._more: asyncio.Future[None] | None = None

    def feed(self, packet: bytes) -> None:
        """Another packet."""
        self._packets.append(packet)
        self._wake()

    def feed_eof(self) -> None:
        """There will be none."""
        self._ended = True
        self._wake()

    def begin(self) -> None:
        """amqtt has greeted the client, and is ready for what follows."""
        self._greeting = False
        self._wake()

    def _wake(self) -> None:
        if self._more is not None and not self._more.done():
            self._more.set_result(None)

    async def read(self, n: int = -1) -> bytes:
        """``n`` bytes, which are always of one packet; nothing at the end."""
        while self._at == len(self._current):
            if self._greeting and self._current:  # it has had the CONNECT
                await self._news()
            elif self._packets:
                self._current, self._at = self._packets.popleft(), 0
            elif self._ended:
                return b""
            else:
                await self._news()
        end = self._at + n if n >= 0 else len(self._current)
        taken = self._current[self._at : end]
        self._at += len(taken)
        return taken

    async def _news(self) -> None:
        self._more = asyncio.get_running_loop().create_future()
        await self._more


class SessionOutlet(WriterAdapter):  # type: ignore[misc]
    """What amqtt writes for one client: CONNACK, SUBACK and UNSUBACK, a packet at a time; messages go round it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.filters: set[str] = set()

    def write(self, data: bytes) -> None:
        """A whole packet."""
        self.session.answered(data)

    async def drain(self) -> None:
        """The session's bounds are kept elsewhere."""

    def get_peer_info(self) -> tuple[str, int]:
        """amqtt refuses who has none."""
        return self.session.connection.address, self.session.number

    def get_ssl_info(self) -> None:
        """There is no TLS."""

    async def close(self) -> None:
        """amqtt has done with the client."""


class Subscriptions(dict[str, list[tuple[Any, int]]]):
    """amqtt's table of filters, which also finds those that match a topic without trying all."""

    def __init__(self) -> None:
        super().__init__()
        self._wild: dict[str, set[str]] = {}

    def __repr__(self) -> str:
        return f"<{len(self)} filters>"

    def __setitem__(self, topic_filter: str, subscribers: list[tuple[Any, int]]) -> None:
        super().__setitem__(topic_filter, subscribers)
        if "+" in topic_filter or "#" in topic_filter:
            self._wild.setdefault(_branch(topic_filter), set()).add(topic_filter)

    def __delitem__(self, topic_filter: str) -> None:
        super().__delitem__(topic_filter)
        branch = _branch(topic_filter)
        found = self._wild.get(branch)
        if found is not None:
            found.discard(topic_filter)
            if not found:
                del self._wild[branch]

    def clear(self) -> None:
        """Forget all."""
        super().clear()
        self._wild.clear()

    def matching(self, topic: str) -> Iterator[str]:
        """Every filter that matches ``topic``."""
        if topic in self:
            yield topic
        for branch in {_branch(topic), ""}:
            for topic_filter in self._wild.get(branch, ()):
                if fields.matches(topic, topic_filter):
                    yield topic_filter


def _branch(topic_filter: str) -> str:
    """The first two levels; empty where there are wildcards in them, or not two."""
    levels = topic_filter.split("/", 2)[:2]
    return "/".join(levels) if len(levels) == 2 and not {"+", "#"} & set(levels) else ""


class AmqttRouter(Broker):  # type: ignore[misc]
    """amqtt's broker without listeners, plugins and what is named above. To be made in the running loop."""

    def __init__(self) -> None:
        super().__init__(_CONFIG)
        self._subscriptions = Subscriptions()
        self._broadcast_queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue(MAX_QUEUED)
        self._outlets: dict[str, SessionOutlet] = {}
        self._inlets: dict[str, SessionInlet] = {}

    # For the guard.

    def open(self, session: Session) -> tuple[SessionInlet, Coroutine[None, None, None]]:
        """Greet amqtt in the name of a new client; its id there is a number that nobody can choose."""
        name = str(session.number)
        inlet, outlet = SessionInlet(), SessionOutlet(session)
        self._inlets[name], self._outlets[name] = inlet, outlet
        inlet.feed(packets.connect(name))
        return inlet, self.external_connected(inlet, outlet, "default")

    def forget(self, session: Session) -> None:
        """Drop its subscriptions at once, and let amqtt see the end of it."""
        name = str(session.number)
        outlet = self._outlets.pop(name)
        amqtt_session, _ = self._sessions.get(name, (None, None))
        for topic_filter in outlet.filters:
            self._del_subscription(topic_filter, amqtt_session)
        self._sessions.pop(name, None)
        self._inlets.pop(name).feed_eof()

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Pass on a message that no client of amqtt's has sent."""
        await self.internal_message_broadcast(topic, payload, qos)

    # In amqtt's place.

    async def _authenticate(self, session: Any, _: Any) -> bool:
        return True  # the guard has

    async def _publish_retained_messages_for_subscription(self, subscription: Any, session: Any) -> None:
        """The guard has what is retained."""

    async def _client_message_loop(self, client_session: Any, handler: Any) -> None:
        handler.reader.begin()
        await super()._client_message_loop(client_session, handler)

    async def add_subscription(self, subscription: tuple[str, int], session: Any) -> int:
        """Remember whose it is; a client that is gone gets none."""
        outlet = self._outlets.get(session.client_id)
        if outlet is None:
            return packets.REFUSED
        outlet.filters.add(subscription[0])
        return int(await super().add_subscription(subscription, session))

    def _del_subscription(self, a_filter: str, session: Any) -> int:
        deleted = int(super()._del_subscription(a_filter, session)) if session is not None else 0
        if a_filter in self._subscriptions and not self._subscriptions[a_filter]:
            del self._subscriptions[a_filter]
        return deleted

    async def _del_all_subscriptions(self, session: Any) -> None:
        """``forget`` has."""

    async def _broadcast_message(self, session: Any, topic: str, data: bytes, force_qos: int | None = None) -> None:
        outlet = None if session is None else self._outlets.get(session.client_id)
        if outlet is not None and outlet.session.routed:
            await super()._broadcast_message(session, topic, data, outlet.session.routed[0].qos)
            outlet.session.taken()
        else:
            await super()._broadcast_message(session, topic, data, force_qos or 0)

    async def _run_broadcast(self, running_tasks: object) -> None:
        message = await self._broadcast_queue.get()
        for _ in range(BATCH):
            self._pass_on(message["topic"], message["data"], message["qos"])
            if self._broadcast_queue.empty():
                return
            message = self._broadcast_queue.get_nowait()
        self._pass_on(message["topic"], message["data"], message["qos"])

    def _pass_on(self, topic: str, payload: bytes, qos: int) -> None:
        """To each subscriber once, however many of its filters match (section 3.3.5)."""
        found: dict[str, tuple[str, ...]] = {}
        for topic_filter in self._subscriptions.matching(topic):
            for session, _ in self._subscriptions[topic_filter]:
                found[session.client_id] = (*found.get(session.client_id, ()), topic_filter)
        for name, filters in found.items():
            outlet = self._outlets.get(name)
            if outlet is None:
                continue
            try:
                outlet.session.deliver(topic, bytes(payload), qos, filters)
            except Exception as fault:
                outlet.session.connection.fail("sending to %s failed", fault)
