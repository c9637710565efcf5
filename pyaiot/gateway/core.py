# SPDX-License-Identifier: BSD-3-Clause
"""What a gateway decides: device events, broker messages and the time in; messages and orders out.

Pure: ``now`` is monotonic seconds, ``at`` Unix milliseconds, both given in. Messages go to the outbox, encoded;
``orders`` is a queue that the caller carries out after each call, oldest first. Here are the nodes and what is told of
them; what the broker asks of them is the part of ``requests``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from pyaiot.gateway.adapter import GoneReason, Refused
from pyaiot.gateway.details import Details, encode_about
from pyaiot.gateway.orders import Counters, Discover, Forget, Order
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.gateway.requests import Requests
from pyaiot.gateway.resync import Resync
from pyaiot.gateway.updates import encode_update
from pyaiot.nodes.liveness import Liveness
from pyaiot.nodes.node import ACCOUNT, PROTOCOL, Node
from pyaiot.nodes.registry import Full, Registry
from pyaiot.nodes.values import BadValue
from pyaiot.wire.codec import encode
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON, About, Out, OutReason, Reset, Seen
from pyaiot.wire.messages import Refused as RefusedByBroker
from pyaiot.wire.names import is_name, is_resource

#: Signs of life of a node that are told, at most one in this many seconds.
SEEN_INTERVAL_S = 10.0
#: Time-outs that a device may ask for (RFC 9176 ``lt``): what is shorter or longer is taken for these.
MIN_TIMEOUT_S = 1.0
MAX_TIMEOUT_S = 31_536_000.0


class GatewayCore:
    """The nodes of one gateway. ``protocol`` and ``title`` are the adapter's; ``timeout_s`` is a node's by default.

    ``tells_timeout``: silence ends a node, as its connection does not (see Details).
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        protocol: str,
        title: str,
        timeout_s: float,
        tells_timeout: bool = True,
        registry: Registry | None = None,
    ) -> None:
        self._outbox = outbox
        self._protocol = protocol
        self._title = title
        self._timeout_s = timeout_s
        self.registry = registry if registry is not None else Registry()
        self._nodes = self.registry.nodes
        self._liveness = Liveness(self._nodes)
        self.orders: deque[Order] = deque()
        self.counters = Counters()
        self.requests = Requests(self._nodes, self.orders, outbox, self.counters, self.updated)
        self._details = Details(outbox, tells_timeout=tells_timeout)
        self._resync = Resync(self.registry, outbox, protocol, self.counters, self._details)

    # Devices: the methods of adapter.DeviceEvents, with the time

    def seen(
        self,
        uid: str,
        now: float,
        at: int,
        *,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        proven: bool = True,
    ) -> bool:
        """A sign of life; true when it makes a new node. Raises adapter.Refused, and then it is as if not said."""
        if timeout_s is not None:
            if not timeout_s > 0:
                raise self._refuse("timeout", "a time-out must be more than 0 s")
            timeout_s = min(max(timeout_s, MIN_TIMEOUT_S), MAX_TIMEOUT_S if proven else self._timeout_s)
        node = self._nodes.get(uid)
        if node is None:
            self._add(uid, now, at, attributes or {}, self._timeout_s if timeout_s is None else timeout_s)
            return True
        changed = (
            {name: text for name, text in attributes.items() if node.attributes.get(name) != text} if attributes else {}
        )
        updates = [(name, self._encode(uid, name, text, at)) for name, text in changed.items()]
        # Nothing is refused from here on.
        node.last_seen = now
        if timeout_s is not None and timeout_s != node.timeout_s:
            node.timeout_s = timeout_s
            self._liveness.watch(node)
            self._details.tell_pace(node, now)
        if changed:
            node.attributes.update(changed)
            node.told_seen = now
            if ACCOUNT in changed:
                self._resync.tell_node(node, at)
            for name, update in updates:
                self._keep(node, name, update, stated=True)
        if now - node.told_seen >= SEEN_INTERVAL_S:
            node.told_seen = now
            self._outbox.append(encode(Seen(uid=uid, at=at)), Kind.VALUE)
            self.counters.seen += 1
            if now >= node.rhythm.due_at:
                self._shown(node, now)
        return False

    def updated(self, uid: str, resource: str, data: JSON, now: float, at: int, unit: str | None = None) -> None:
        """The node told a value: a sign of life, whatever becomes of the value. Raises adapter.Refused.

        What the gateway itself states of the node (``protocol``, its attributes) is not the node's to tell.
        """
        node = self._nodes.get(uid)
        if node is None:
            raise self._refuse("unknown", "the device is not known: it has to register first")
        node.last_seen = now
        if resource[:1] == "/":
            resource = resource[1:]
        if resource in node.attributes or resource == PROTOCOL:
            # Many a device says its own id, which is no news; but none says where it is or whose.
            if str(data) != (self._title if resource == PROTOCOL else node.attributes[resource]):
                raise self._refuse("reserved", "the gateway itself states that of this device")
            self.seen(uid, now, at)
            return
        if resource not in node.values and not is_resource(resource):
            raise self._refuse("name", "no resource can have that name")
        self._put(node, resource, data, at, unit)
        node.told_seen = now
        # Only what is told counts: nobody is late of whom the broker was not to hear yet.
        if now >= node.rhythm.due_at:
            self._shown(node, now)

    def described(self, uid: str, resource: str, about: About) -> None:
        """What a resource of the node is, besides its values; no sign of life. Raises adapter.Refused."""
        node = self._nodes.get(uid)
        if node is None:
            raise self._refuse("unknown", "the device is not known: it has to register first")
        if resource[:1] == "/":
            resource = resource[1:]
        try:
            encoded = encode_about(about)
            if encoded != node.abouts.get(resource, b""):
                if resource in node.attributes or resource == PROTOCOL:
                    raise self._refuse("reserved", "the gateway itself states that of this device")
                if not is_resource(resource):
                    raise self._refuse("name", "no resource can have that name")
                self.registry.describe(node, resource, encoded)
                self._details.tell_about(node, resource, encoded)
        except Malformed as error:
            raise self._refuse("about", str(error)) from None
        except Full as full:
            raise self._refuse("full", str(full)) from None

    def reset(self, uid: str, now: float, at: int) -> None:
        """The node rebooted: its values are void, and it is discovered again. Raises adapter.Refused."""
        node = self._nodes.get(uid)
        if node is None:
            raise self._refuse("unknown", "the device is not known: it has to register first")
        node.last_seen = node.told_seen = now
        self.counters.resets += 1
        self.registry.clear_values(node)
        self._outbox.append(encode(Reset(uid=uid, at=at)), Kind.STATE, uid)
        self._tell_attributes(node, at)
        self.orders.append(Discover(uid))

    def gone(self, uid: str, why: GoneReason, at: int) -> None:
        """The node took its leave; unknown uids are ignored."""
        if uid in self._nodes:
            self._remove(uid, why, at)

    # The broker

    def session_began(self, features: frozenset[str] = frozenset()) -> None:
        """The broker said welcome, and what it takes besides (and the outbox was resumed): all is to be told again."""
        self._details.session_began(features)
        self._resync.restart()

    def session_ended(self) -> None:
        """The session is over. Its writes go on: the broker may still wait for their outcomes when it is back."""
        self._resync.stop()
        self._details.session_ended()
        self.requests.session_over()

    def refill(self, at: int) -> None:
        """Add what is left to tell again to the outbox, as far as the window for that goes."""
        self._resync.refill(at)

    def refused(self, message: RefusedByBroker) -> None:
        """The broker did not take something. There is nothing to do about it but to count."""
        self.counters.refused_by_broker += 1

    # Time

    def next_deadline(self) -> float | None:
        """When :meth:`expire` may have something to do; None while nothing waits."""
        deadlines = self._liveness.next_deadline(), self.requests.next_deadline()
        return min((each for each in deadlines if each is not None), default=None)

    def expire(self, now: float, at: int, limit: int | None = None) -> None:
        """Answer late writes and reads; nodes that have been silent for too long are out, at most ``limit`` a call."""
        self.requests.expire(now)
        for uid in self._liveness.expire(now, limit):
            self._remove(uid, "timeout", at)

    # Inside

    def _add(self, uid: str, now: float, at: int, attributes: Mapping[str, str], timeout_s: float) -> None:
        if not is_name(uid):
            raise self._refuse("name", "no device can have that name")
        node = Node(uid, timeout_s=timeout_s, now=now, at=at)
        node.attributes.update(attributes)
        try:
            self.registry.add(node)
        except Full as full:
            raise self._refuse("full", str(full)) from None
        self.counters.nodes_new += 1
        self._liveness.watch(node)
        self._resync.tell_node(node, at)
        self._tell_attributes(node, at)
        self.orders.append(Discover(uid))

    def _remove(self, uid: str, why: OutReason, at: int) -> None:
        self.registry.remove(uid)
        self.counters.out[why] += 1
        self._outbox.append(encode(Out(uid=uid, why=why, at=at)), Kind.STATE, uid)
        self.requests.node_out(uid)
        self.orders.append(Forget(uid, why))

    def _shown(self, node: Node, now: float) -> None:
        node.rhythm.shown(now)
        self._details.tell_pace(node, now)

    def _tell_attributes(self, node: Node, at: int) -> None:
        for name, text in (*node.attributes.items(), (PROTOCOL, self._title)):
            try:
                update = self._encode(node.uid, name, text, at)
            except Refused:
                continue  # counted; a node without it is better than no node
            self._keep(node, name, update, stated=True)

    def _put(self, node: Node, resource: str, data: JSON, at: int, unit: str | None) -> None:
        """Make an update of ``data`` and tell it. Raises adapter.Refused."""
        try:
            if resource not in node.values:  # before the work that encoding is: there may be thousands too many
                self.registry.check_place(node)
            self._keep(node, resource, self._encode(node.uid, resource, data, at, unit))
        except Full as full:
            raise self._refuse("full", str(full)) from None

    def _keep(self, node: Node, resource: str, update: bytes, *, stated: bool = False) -> None:
        """Make ``update`` the newest, and tell it. Raises Full, never of what is ``stated``."""
        self.registry.store(node, resource, update, stated=stated)
        self.counters.updates += 1
        self._outbox.append(update, Kind.VALUE)

    def _encode(self, uid: str, resource: str, data: JSON, at: int, unit: str | None = None) -> bytes:
        """An update of ``data``. Raises adapter.Refused."""
        try:
            update, is_read = encode_update(uid, resource, data, at, unit)
        except (Malformed, BadValue) as error:
            raise self._refuse("value", str(error)) from None
        if not is_read:
            self.counters.unread_values += 1
        return update

    def _refuse(self, kind: str, reason: str) -> Refused:
        self.counters.refused[kind] += 1
        return Refused(reason)
