# SPDX-License-Identifier: BSD-3-Clause
"""What all connections share: who is in, who may come in, and what is kept for later subscribers.

Nothing reaches the router that was not asked for its password first.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import logging
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Protocol

from pyaiot.devices import Devices
from pyaiot.mqtt_broker import fields, login
from pyaiot.mqtt_broker.access import STATE, Account, may_publish, may_retain
from pyaiot.mqtt_broker.admission import MAX_CONNECTIONS, MAX_PER_ACCOUNT, Admission, Full, Kind
from pyaiot.mqtt_broker.connection import Connection
from pyaiot.mqtt_broker.counters import Counters
from pyaiot.mqtt_broker.login import Connect, ConnectRefused
from pyaiot.mqtt_broker.room import Room
from pyaiot.mqtt_broker.session import Inlet, Session
from pyaiot.mqtt_broker.turns import Turns

log = logging.getLogger("pyaiot.mqtt-broker")

#: How long a wrong password waits for its answer, and how many do at most; further ones get none.
PENALTY_S = 2.0
MAX_PENALTIES = 64
#: Logins that are worked on at a time: amqtt takes a millisecond for each, and others want their turn.
LOGINS_AT_ONCE = 4
#: The longest retained message.
MAX_RETAINED_BYTES = 1_024
#: How long the router may take to let go of a client.
FORGET_S = 5.0


class Router(Protocol):
    """Who passes messages on to whom."""

    def open(self, session: Session) -> tuple[Inlet, Coroutine[None, None, None]]:
        """The ear for a new client, and what is to run as long as it is there."""
        ...

    def forget(self, session: Session) -> None:
        """The client is gone, with its subscriptions. The coroutine of :meth:`open` will end."""
        ...

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        """Pass on a message of nobody's; waits for its turn."""
        ...


class Guard:
    """The shared state of one MQTT broker. :meth:`run` owns all tasks."""

    def __init__(
        self,
        *,
        own: tuple[str, str],
        anonymous: bool,
        devices: Devices,
        max_connections: int = MAX_CONNECTIONS,
        alone: bool = False,
    ) -> None:
        self.counters = Counters()
        self.sessions: dict[tuple[str, str], Session] = {}
        self.connections: dict[int, Connection] = {}
        self.turns = Turns()
        self.room = Room(None if alone else own[0], self.counters)
        self._own = own
        self._anonymous = anonymous
        self._devices = devices
        self._router: Router
        self._group: asyncio.TaskGroup
        self._admission = Admission(max_connections)
        self._numbers = itertools.count(1)
        self._logins = asyncio.Semaphore(LOGINS_AT_ONCE)
        self._penalties = 0
        self._accounts: Counter[str] = Counter()
        self._retained: dict[str, bytes] = {}

    def begin(self, router: Router, group: asyncio.TaskGroup) -> None:
        """Connections may come from now on; their tasks are in ``group``."""
        self._router, self._group = router, group

    def end(self) -> None:
        """Drop everybody."""
        for connection in list(self.connections.values()):
            connection.drop()

    def next_number(self) -> int:
        """The number of a new connection; never used again."""
        return next(self._numbers)

    # Coming in.

    def arrived(self, connection: Connection) -> bool:
        """Whether the connection may stay until it has logged in."""
        try:
            crowded_out = self._admission.arrived(connection.number, connection.address)
        except Full as bound:
            self.counters.full += 1
            connection.note("not taken: there are %s already", bound)
            return False
        self.counters.connections += 1
        self.connections[connection.number] = connection
        if crowded_out is not None and crowded_out in self.connections:
            self.counters.crowded_out += 1
            self.connections[crowded_out].note("dropped before it had logged in: too many others want to")
            self.connections[crowded_out].drop()
        return True

    def left(self, connection: Connection) -> None:
        """The connection handles nothing more."""
        self._admission.left(connection.number)
        self.connections.pop(connection.number, None)
        self.room.waits_no_more(connection)

    def log_in(self, connection: Connection, connect: Connect) -> None:
        """A whole CONNECT came; the connection is held until it is welcome."""
        self._group.create_task(self._serve(connection, connect), name=f"MQTT client {connection.number}")

    async def _serve(self, connection: Connection, connect: Connect) -> None:
        """One client from its CONNECT to its end. Its faults end here."""
        try:
            session = await self._judge(connection, connect)
            if session is not None:
                await self._live(connection, session, connect)
        except ConnectRefused as fault:
            self.counters.refused_connects += 1
            connection.note("cannot connect: %s", fault)
            connection.write(login.connack(fault.code))
            connection.close()
        except Exception as fault:
            connection.fail("serving %s failed", fault)

    async def _judge(self, connection: Connection, connect: Connect) -> Session | None:
        """The session of a client that may come in; None when it has been sent away. Raises ConnectRefused."""
        account = self.authenticate(connect)
        if account is None:
            await self._send_away(connection, connect)
            return None
        will = connect.will
        if will is not None and not may_publish(account, will.topic, will.payload):
            advice = "; a gateway needs an account: aiot device add NAME --gateway" if will.topic == STATE else ""
            raise ConnectRefused(login.NOT_AUTHORISED, f"{account} may not have a will on {will.topic!r}{advice}")
        return Session(connection.number, account, connect.client_id, will)

    def authenticate(self, connect: Connect) -> Account | None:
        """Who that is; None for a wrong password. Raises ConnectRefused."""
        if connect.user is None:
            if self._anonymous:
                return Account("", "anyone")
            raise ConnectRefused(login.NOT_AUTHORISED, "it needs a user name and a password (aiot device add ID)")
        password = connect.password or b""
        kind = self._devices.verify(connect.user, password)
        own_user, own_password = self._own
        if hmac.compare_digest(password, own_password.encode()) and connect.user == own_user:
            kind = "gateway"
        return Account(connect.user, kind) if kind is not None else None

    async def _send_away(self, connection: Connection, connect: Connect) -> None:
        """A wrong password costs time, but only the one who gave it."""
        self.counters.wrong_passwords += 1
        connection.note("gave a wrong user name or password (user %.64r)", connect.user)
        if self._penalties >= MAX_PENALTIES:
            connection.drop()
            return
        self._penalties += 1
        try:
            await asyncio.sleep(PENALTY_S)
        finally:
            self._penalties -= 1
        connection.write(login.connack(login.BAD_PASSWORD))
        connection.close()

    async def _live(self, connection: Connection, session: Session, connect: Connect) -> None:
        """From the login to the end."""
        async with self._logins:
            await self._replace(session, connection)
            if self.authenticate(connect) != session.account:
                raise ConnectRefused(login.BAD_PASSWORD, "its password was removed in this moment")
            if self._accounts[session.account.user] >= MAX_PER_ACCOUNT and session.account.role != "anyone":
                raise ConnectRefused(login.UNAVAILABLE, f"{session.account} has {MAX_PER_ACCOUNT} connections already")
            self._admit(connection, session.account)
            self.sessions[session.key] = session
            self._accounts[session.account.user] += 1
            inlet, serving = self._router.open(session)
            routing = self._group.create_task(self._route(session, serving), name=f"MQTT router {session.number}")
            session.attach(connection, self, inlet)
            self.counters.logins += 1
            connection.welcome(session, connect.keepalive_s)
            log.debug("%s is connected", connection)
            await asyncio.sleep(0)
        try:
            await session.over.wait()
            await self._execute_will(session)
        finally:
            self._router.forget(session)
            del self.sessions[session.key]
            self._accounts[session.account.user] -= 1
            if not self._accounts[session.account.user]:
                del self._accounts[session.account.user]
            self.room.forget(session)
            session.ended.set()
            log.debug("%s is gone", connection)
        await asyncio.wait((routing,), timeout=FORGET_S)
        routing.cancel()

    def _admit(self, connection: Connection, account: Account) -> None:
        """Count a client that logs in, at the cost of another one without a name. Raises ConnectRefused."""
        kind: Kind = "anonymous" if account.role == "anyone" else "own" if account.user == self._own[0] else "account"
        anonymous = self._admission.anonymous
        if kind == "anonymous" and not connection.is_over and len(anonymous) >= self._admission.max_anonymous:
            silent = min((self.connections[number] for number in anonymous), key=lambda each: each.heard_at)
            self.counters.crowded_out += 1
            silent.note("was silent longest of %d clients without a name; disconnected for a new one", len(anonymous))
            silent.drop()
        try:
            self._admission.logged_in(connection.number, kind)
        except Full as bound:
            self.counters.full += 1
            raise ConnectRefused(login.UNAVAILABLE, f"there are {bound} already") from None

    async def _route(self, session: Session, serving: Coroutine[None, None, None]) -> None:
        """The router's part; when it ends by itself the client does, too."""
        try:
            await serving
        except Exception as fault:
            session.connection.fail("passing on what %s says failed", fault)
        finally:
            session.abandon()

    async def _replace(self, session: Session, connection: Connection) -> None:
        """Let an older connection of the same client end first: the new one wins (section 3.1.4)."""
        while (old := self.sessions.get(session.key)) is not None:
            self.counters.replaced += 1
            old.connection.note(
                "is replaced by a new connection from %s (two devices with one client id do that to each other)",
                connection.address,
            )
            old.connection.drop()
            await old.ended.wait()

    async def _execute_will(self, session: Session) -> None:
        will = session.will
        if will is None:
            return
        if will.retain and may_retain(session.account, will.topic):
            self.retain(will.topic, will.payload)
        await self._router.publish(will.topic, will.payload, will.qos)

    def change_devices(self, devices: Devices) -> None:
        """Passwords have changed: whose is gone or new is disconnected."""
        before, self._devices = self._devices, devices
        for session in list(self.sessions.values()):
            user = session.account.user
            if session.account.role == "anyone" or user == self._own[0]:
                continue
            if devices.accounts.get(user) != before.accounts.get(user):
                self.counters.revoked += 1
                session.connection.note("is disconnected: its password is no longer good")
                session.connection.drop()

    # What is kept.

    def retain(self, topic: str, payload: bytes) -> None:
        """Keep the message for later subscribers (section 3.3.1.3); an empty one clears it."""
        if payload and len(payload) <= MAX_RETAINED_BYTES:
            self._retained[topic] = payload
        else:
            self._retained.pop(topic, None)

    def retained_for(self, filters: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """What is kept that any of ``filters`` matches."""
        for topic, payload in self._retained.items():
            if any(fields.matches(topic, each) for each in filters):
                yield topic, payload
