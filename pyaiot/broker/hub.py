# SPDX-License-Identifier: BSD-3-Clause
"""What all sessions of one broker share, and the way of a write from a client to the gateway that owns the node."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from tornado.web import RequestHandler

from pyaiot.actuation import ActuationMap
from pyaiot.broker.authorisation import MAY, Gatekeeper, Request
from pyaiot.broker.departed import Departed
from pyaiot.broker.directory import Directory
from pyaiot.broker.dispatch import Dispatch
from pyaiot.broker.entities.exchange import Entities
from pyaiot.broker.entries import Node
from pyaiot.broker.fanout import Fanout
from pyaiot.broker.peers import ClientPeer, Counters, GatewayPeer, Peer
from pyaiot.broker.rpc.node_view import encode_view
from pyaiot.broker.rpc.turns import Turns
from pyaiot.broker.rpc.uid_index import UidIndex
from pyaiot.broker.rpc.watches import Watches
from pyaiot.broker.writes import TTL_S, Outcome, PendingWrites, Tell
from pyaiot.http_origin import PROXY_HEADERS, bearer
from pyaiot.keys import Keys
from pyaiot.rpc.conversation import Counters as RpcCounters
from pyaiot.wire import codec
from pyaiot.wire.messages import JSON, READ, Door, Read, Result, Write
from pyaiot.wire.names import PEER_GATEWAY, is_resource
from pyaiot.wire.signing import PrivateKey, PublicKey

log = logging.getLogger("pyaiot.broker")

#: Clients that have joined.
MAX_CLIENTS = 2_000
#: Connections that have not said who they are yet, to ``/gw`` and to ``/ws``. One more, and the oldest goes: whoever
#: means it says so at once, and those who say nothing keep nobody out.
MAX_HANDSHAKES = 256
MAX_SILENT_CLIENTS = 512
#: What a write may carry, as JSON; the link's frame has room for it.
MAX_WRITE_BYTES = 16_384
#: Randomness in the name of an actuation that waits: whoever knows it may ask after it.
ACTUATION_ID_BYTES = 16
#: Randomness in the id that the broker gives to who registers without one, and in the token of who brings none.
ENTITY_ID_BYTES = 8
ENTITY_TOKEN_BYTES = 24


P = TypeVar("P", bound=Peer)


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
        self.handshakes: dict[GatewayPeer, None] = {}
        self.silent_clients: dict[ClientPeer, None] = {}
        self.clients: set[ClientPeer] = set()
        self._peers: set[Peer] = set()
        self._closing: asyncio.Future[None] | None = None
        self._loop = asyncio.get_running_loop()
        self.turns = Turns(self.call_soon, self._loop.time)
        self._flush: asyncio.Handle | None = None
        self._flushed: asyncio.Future[None] | None = None
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
        self.watches.flush()
        flushed, self._flushed = self._flushed, None
        if flushed is not None and not flushed.done():
            flushed.set_result(None)

    def until_told(self) -> asyncio.Future[None] | None:
        """Done once what is pending was told; None if that is not so much that gateways should wait."""
        if not self.watches.is_full:
            return None
        if self._flushed is None:
            self._flushed = self._loop.create_future()
            if self._flush is not None:
                self._flush.cancel()
            self._flush = self._loop.call_soon(self.flush)
        return self._flushed

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
        self.handshakes[session] = None
        if len(self.handshakes) > MAX_HANDSHAKES:
            self._evict(self.handshakes)

    def _evict(self, waiting: dict[P, None]) -> None:
        oldest = next(iter(waiting))
        del waiting[oldest]
        self.counters.evicted += 1
        log.warning("%s: cut off, having said nothing yet, to make room for others", oldest.name)
        oldest.evict()

    def gateway_entered(
        self, session: GatewayPeer, name: str, epoch: str, doors: tuple[Door, ...] = (), address: str | None = None
    ) -> int:
        """A gateway showed who it is; how far its outbox has been applied. A newer session replaces an older.

        ``doors``: where its devices come in; ``address``: where its host is, if that is not the broker's.
        """
        self.handshakes.pop(session, None)
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
        self.silent_clients[client] = None
        if len(self.silent_clients) > MAX_SILENT_CLIENTS:
            self._evict(self.silent_clients)

    def admit_client(self, client: ClientPeer) -> bool:
        """A client that may joins; whether there is room for it."""
        self.silent_clients.pop(client, None)
        if len(self.clients) >= MAX_CLIENTS:
            return False
        self.clients.add(client)
        self.counters.clients += 1
        return True

    def client_left(self, client: ClientPeer) -> None:
        """The client is gone."""
        self.silent_clients.pop(client, None)
        self.clients.discard(client)

    def read_request(self, handler: RequestHandler) -> Request:
        """What ``handler``'s request says of its sender."""
        headers = handler.request.headers
        return Request(
            peer=str(handler.request.remote_ip),
            host=headers.get("Host", ""),
            origin=headers.get("Origin"),
            proxied=any(name in headers for name in PROXY_HEADERS),
            bearer=bearer(headers.get("Authorization")),
        )

    # Writes

    def write(self, uid: str, resource: str, data: JSON, tell: Tell, ttl_s: float = TTL_S) -> None:
        """Have the owning gateway write, not later than in ``ttl_s``; ``tell`` is called exactly once, now or later."""
        outcome = self._begin_write(uid, resource, data, tell, ttl_s)
        if outcome is not None:
            self.writes.count(outcome)
            tell(outcome)

    def _begin_write(self, uid: str, resource: str, data: JSON, tell: Tell, ttl_s: float) -> Outcome | None:
        node = self.directory.nodes.get(uid)
        if node is None:
            return Outcome("unknown", "there is no such node")
        if not is_resource(resource) or len(codec.encode(data)) > MAX_WRITE_BYTES:
            return Outcome("unsupported", "no resource can have that name, or the data is too large")
        session = self.entities if node.gateway == PEER_GATEWAY else self.gateways.get(node.gateway)
        if session is None or node.state != "online":
            return _away(node, is_back=session is not None)
        doer = uid if node.gateway == PEER_GATEWAY else node.gateway
        id = self.writes.begin(doer, self.now, tell, ttl_s)
        if id is None:
            return Outcome("busy", f"too many writes for {doer} are under way")
        inner = uid.partition("/")[2]
        session.send(Write(id=id, uid=inner, resource=resource, data=data, ttl_ms=int(ttl_s * 1000)))
        self.arm()
        return None

    def read(self, uid: str, resource: str, tell: Tell, ttl_s: float = TTL_S) -> None:
        """Have the device say what ``resource`` is now, as :meth:`write`; it is in the directory then.

        Not for nodes of entities: those are called.
        """
        outcome = self._begin_read(uid, resource, tell, ttl_s)
        if outcome is not None:
            self.writes.count(outcome, is_read=True)
            tell(outcome)

    def _begin_read(self, uid: str, resource: str, tell: Tell, ttl_s: float) -> Outcome | None:
        node = self.directory.nodes.get(uid)
        if node is None:
            return Outcome("unknown", "there is no such node")
        if not is_resource(resource):
            return Outcome("unsupported", "no resource can have that name")
        session = self.gateways.get(node.gateway)
        if session is None or node.state != "online":
            return _away(node, is_back=session is not None)
        if not session.can(READ):
            return Outcome("unsupported", f"gateway {node.gateway} cannot ask its devices: nodes.get has the newest")
        id = self.writes.begin(node.gateway, self.now, tell, ttl_s, is_read=True)
        if id is None:
            return Outcome("busy", f"too much is under way for gateway {node.gateway}")
        session.send(Read(id=id, uid=uid.partition("/")[2], resource=resource, ttl_ms=int(ttl_s * 1000)))
        self.arm()
        return None

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


def _away(node: Node, *, is_back: bool) -> Outcome:
    why = "is back, but has not told of this node yet" if is_back else "is not connected"
    return Outcome("offline", f"gateway {node.gateway} {why}")


def wall_ms() -> int:
    """Unix time in milliseconds, as gateways give it."""
    return time.time_ns() // 1_000_000
