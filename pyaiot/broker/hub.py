# SPDX-License-Identifier: BSD-3-Clause
"""What all sessions of one broker share: who is connected, what is known, when it is told, and what is due when."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from functools import partial

from pyaiot.actuation import ActuationMap
from pyaiot.broker.authorisation import MAY, Gatekeeper
from pyaiot.broker.departed import Departed
from pyaiot.broker.directory import Directory
from pyaiot.broker.dispatch import Dispatch
from pyaiot.broker.entities.exchange import Entities
from pyaiot.broker.entries import Node
from pyaiot.broker.fanout import Fanout
from pyaiot.broker.gate import Gate
from pyaiot.broker.peers import ClientPeer, Counters, GatewayPeer, Peer
from pyaiot.broker.router import Router
from pyaiot.broker.rpc.node_view import encode_view
from pyaiot.broker.rpc.turns import Turns
from pyaiot.broker.rpc.uid_index import UidIndex
from pyaiot.broker.rpc.watches import Watches
from pyaiot.broker.waiting_room import WaitingRoom
from pyaiot.broker.writes import PendingWrites
from pyaiot.keys import Keys
from pyaiot.rpc.conversation import Counters as RpcCounters
from pyaiot.wire.messages import Door, Result
from pyaiot.wire.names import PEER_GATEWAY
from pyaiot.wire.signing import PrivateKey, PublicKey

log = logging.getLogger("pyaiot.broker")

#: Clients that have joined.
MAX_CLIENTS = 2_000
#: Connections that have not said who they are yet, to ``/gw``, and those of clients: see waiting_room.py.
MAX_HANDSHAKES = 256
MAX_SILENT_CLIENTS = 512
#: Randomness in the name of an actuation that waits: whoever knows it may ask after it.
ACTUATION_ID_BYTES = 16
#: Randomness in the id that the broker gives to who registers without one, and in the token of who brings none.
ENTITY_ID_BYTES = 8
ENTITY_TOKEN_BYTES = 24


class Hub:
    """The shared state of a broker, and its one timer. Must be made and used in one event loop."""

    def __init__(
        self,
        keys: Keys,
        key: PrivateKey,
        gatekeeper: Gatekeeper,
        grace_s: float,
        actuations: ActuationMap | None = None,
    ) -> None:
        self.key = key
        self.gatekeeper = gatekeeper
        self.authorized: dict[str, PublicKey] = keys.authorized
        self.directory = Directory(grace_s, first_version=secrets.randbits(50) + 1, wall_ms=wall_ms)
        self.departed = Departed(encode_view, partial(self.call_soon, self._settle))
        self.writes = PendingWrites(first_id=secrets.randbits(48))
        self.router = Router(self)
        self.uids = UidIndex(self.directory.nodes)
        self.rpc = RpcCounters()
        self.fanout = Fanout(self.directory, self._wake_fanout)
        self.watches = Watches(self.directory, self._wake_fanout)
        self.dispatch = Dispatch(self, actuations or ActuationMap(), partial(secrets.token_hex, ACTUATION_ID_BYTES))
        new_id, new_token = (
            partial(secrets.token_hex, ENTITY_ID_BYTES),
            partial(secrets.token_urlsafe, ENTITY_TOKEN_BYTES),
        )
        self.entities = Entities(self, new_id, new_token, wall_ms)
        self.directory.feed.on_presence = self._presence
        self.counters = Counters()
        self.gateways: dict[str, GatewayPeer] = {}
        self.handshakes = WaitingRoom[GatewayPeer](MAX_HANDSHAKES, self.counters)
        self.silent_clients = WaitingRoom[ClientPeer](MAX_SILENT_CLIENTS, self.counters)
        self.clients: set[ClientPeer] = set()
        self._peers: set[Peer] = set()
        self._closing: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.turns = Turns(self.call_soon, self._loop.time)
        self._flush: asyncio.Handle | None = None
        #: Gateways wait at it.
        self._told = Gate()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._loop.time()

    def sessions(self) -> dict[str, bool]:
        """Gateways that have had a session since the start, by name, and whether they have one.

        Those whose key was taken away are none.
        """
        owners = self.directory.owners
        return {name: owner.connected for name, owner in owners.items() if name in self.authorized}

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back once the others have had their turn."""
        self._loop.call_soon(callback)

    # Everybody

    def connected(self, peer: Peer) -> None:
        """A WebSocket was opened."""
        self._peers.add(peer)

    def disconnected(self, peer: Peer) -> None:
        """It is closed."""
        self._peers.discard(peer)
        if not self._peers and self._closing is not None and not self._closing.done():
            self._closing.set_result(None)

    async def close(self) -> None:
        """Tell every peer goodbye (1001), stop the timer, and wait until all are gone."""
        self.flush()
        if self._timer is not None:
            self._timer.cancel()
        for peer in tuple(self._peers):
            peer.goodbye()
        if self._peers:
            self._closing = self._loop.create_future()
            await self._closing

    # Changes

    def _wake_fanout(self) -> None:
        if self._flush is None:
            delay = self.fanout.delay(self.now)
            self._flush = self._loop.call_later(delay, self.flush) if delay else self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send every live client, and every live watch, what has come."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        self.fanout.flush(self.now)
        self.watches.fanout.flush()
        self._told.open()

    def until_told(self) -> asyncio.Future[None] | None:
        """Done once what is pending was told; None if that is not so much that gateways should wait."""
        if not self.watches.fanout.is_full:
            return None
        if not self._told.is_shut:
            if self._flush is not None:
                self._flush.cancel()
            self._flush = self._loop.call_soon(self.flush)
        return self._told.shut()

    def _presence(self, node: Node, is_there: bool) -> None:
        self.dispatch.presence(node, is_there)
        self.entities.presence(node, is_there)
        if is_there:
            self.departed.forget(node.uid)
            if node.first_seen == node.last_seen:  # not one that is told once more
                self.uids.arrived(node.uid)
        elif node.gateway != PEER_GATEWAY:  # tabs come and go by the thousand
            self.departed.keep(node)

    def _settle(self) -> None:
        if self.departed.settle():
            self._loop.call_soon(self._settle)

    def dismiss(self, uid: str) -> bool:
        """Forget that the node ``uid`` was there; False: none went that is called so."""
        if not self.departed.forget(uid):
            return False
        self.directory.dismiss(uid)
        return True

    # Gateways

    def gateway_arrived(self, session: GatewayPeer) -> None:
        """Somebody connected to ``/gw``, and has not shown who it is."""
        self.handshakes.enter(session)

    def gateway_entered(
        self, session: GatewayPeer, name: str, epoch: str, doors: tuple[Door, ...] = (), address: str | None = None
    ) -> int:
        """A gateway showed who it is; how far its outbox has been applied. A newer session replaces an older.

        ``doors``: where its devices come in; ``address``: where its host is, if that is not the broker's.
        """
        self.handshakes.leave(session)
        older = self.gateways.get(name)
        self.gateways[name] = session
        if older is not None:
            log.warning("Gateway %s: replaced by a newer session from %s", name, session.name)
            older.replace()
        self.counters.gateway_sessions += 1
        return self.directory.gateway_connected(name, epoch, doors, address)

    def gateway_left(self, session: GatewayPeer, name: str) -> None:
        """A session ended; one that had been replaced changes nothing."""
        if self.gateways.get(name) is session:
            del self.gateways[name]
            self.directory.gateway_lost(name, self.now)
            self.arm()

    def change_keys(self, keys: Keys) -> None:
        """The key file changed (and the gatekeeper with it): sessions of those no longer admitted end."""
        self.authorized = keys.authorized
        for name, session in list(self.gateways.items()):
            if keys.authorized.get(name) != session.key:
                session.revoke()
        for client in tuple(self.clients):
            client.reconsider()
        self.dispatch.parked.revoke(self.may_write, self.now)
        self.arm()

    def may_write(self, service: bytes | None) -> bool:
        """See dispatch.Desk."""
        role = None if service is None else self.gatekeeper.role_of(service)
        return service is None or (role is not None and "write" in MAY[role])

    # Clients

    def client_arrived(self, client: ClientPeer) -> None:
        """Somebody connected to ``/ws``, and has not said anything."""
        self.silent_clients.enter(client)

    def admit_client(self, client: ClientPeer) -> bool:
        """A client that may joins; whether there is room for it."""
        self.silent_clients.leave(client)
        if len(self.clients) >= MAX_CLIENTS:
            return False
        self.clients.add(client)
        self.counters.clients += 1
        return True

    def client_left(self, client: ClientPeer) -> None:
        """The client is gone."""
        self.silent_clients.leave(client)
        self.clients.discard(client)

    # Writes

    def write_ended(self, gateway: str, result: Result) -> None:
        """See entities.exchange.Desk."""
        self.writes.finish(gateway, result)

    # Time

    def arm_for(self, deadline: float) -> None:
        """See entities.exchange.Desk: as :meth:`arm`, where nothing else changed."""
        if self._timer is None or deadline < self._timer.when():
            self.arm()

    def arm(self) -> None:
        """Set the one timer for whatever is due first."""
        deadlines = [
            deadline
            for deadline in (
                self.directory.next_deadline(),
                self.writes.next_deadline(),
                self.dispatch.next_deadline(),
                self.entities.next_deadline(),
            )
            if deadline is not None
        ]
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(min(deadlines), self._on_timer) if deadlines else None

    def _on_timer(self) -> None:
        self._timer = None
        self.directory.expire(self.now)
        self.writes.expire(self.now)
        self.dispatch.run_due()
        self.entities.expire()
        self.arm()


def wall_ms() -> int:
    """Unix time in milliseconds, as gateways give it."""
    return time.time_ns() // 1_000_000
