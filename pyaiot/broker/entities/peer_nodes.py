# SPDX-License-Identifier: BSD-3-Clause
"""Entities that registered, as nodes of the directory: so they show wherever nodes do. Pure.

The entity ``lamp`` is the node ``peer/lamp``, of a gateway that is the broker itself; what it publishes are resources.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pyaiot.broker.directory import MAX_RESOURCES_PER_NODE, Directory
from pyaiot.nodes.values import read_value
from pyaiot.rpc.errors import RpcError
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON, GatewayMessage, New, Out, Sync, Update
from pyaiot.wire.names import PEER_GATEWAY, is_resource

#: What these nodes are said to speak.
PROTOCOL: Final = "RPC"
#: The resource that a publication without a topic is.
WHOLE: Final = "published"
#: What one entity may publish, as JSON: at once, and in the newest of all its topics together.
MAX_CONTENT_BYTES: Final = 16_384
MAX_PUBLISHED_BYTES: Final = 256 * 1024
#: The outbox of the broker itself begins with the broker.
_EPOCH: Final = "broker"


def uid_of(id: str) -> str:
    """What the node of the entity ``id`` is called."""
    return f"{PEER_GATEWAY}/{id}"


class PeerNodes:
    """Tells the directory of entities. ``wall_ms`` is Unix time in milliseconds, as gateways give it."""

    def __init__(self, directory: Directory, wall_ms: Callable[[], int]) -> None:
        self._directory = directory
        self._wall_ms = wall_ms
        self._sizes: dict[str, dict[str, int]] = {}
        self._is_begun = False

    def __len__(self) -> int:
        return len(self._sizes)

    def appear(self, id: str) -> None:
        """The entity is there; harmless when it was."""
        if not self._is_begun:
            self._is_begun = True
            self._directory.gateway_connected(PEER_GATEWAY, _EPOCH)
            self._apply(Sync(uids=[]))
        if id not in self._sizes:
            self._sizes[id] = {}
            self._apply(New(uid=id, protocol=PROTOCOL, at=self._wall_ms()))

    def publish(self, id: str, topic: str | None, content: JSON) -> bytes:
        """The entity published ``content``, which is returned as JSON. Raises RpcError: it cannot be a resource."""
        name = WHOLE if topic is None else topic
        try:
            codec.check_value(content)
        except Malformed as error:
            raise RpcError.invalid_params(f"content: {error}") from None
        if not is_resource(name):
            raise RpcError.invalid_params("topic: 1 to 64 of the characters A-Z a-z 0-9 . _ : - and / between them")
        encoded = codec.encode(content)
        sizes = self._sizes[id]
        if len(encoded) > MAX_CONTENT_BYTES:
            raise RpcError.invalid_params(f"content: at most {MAX_CONTENT_BYTES} bytes")
        if name not in sizes and len(sizes) >= MAX_RESOURCES_PER_NODE:
            raise RpcError.of("busy", f"an entity has at most {MAX_RESOURCES_PER_NODE} topics")
        if sum(sizes.values()) - sizes.get(name, 0) + len(encoded) > MAX_PUBLISHED_BYTES:
            raise RpcError.of("busy", f"all topics of an entity have at most {MAX_PUBLISHED_BYTES} bytes")
        sizes[name] = len(encoded)
        value, unit = read_value(content, resource=name)
        at = self._wall_ms()
        if unit is None:
            self._apply(Update(uid=id, resource=name, data=content, value=value, at=at))
        else:
            self._apply(Update(uid=id, resource=name, data=content, value=value, unit=unit, at=at))
        return encoded

    def topics(self, id: str) -> list[str]:
        """What the entity has published under, sorted; not what it published as a whole."""
        return sorted(name for name in self._sizes.get(id, ()) if name != WHOLE)

    def leave(self, id: str) -> None:
        """The entity is gone."""
        del self._sizes[id]
        self._apply(Out(uid=id, why="closed", at=self._wall_ms()))

    def _apply(self, message: GatewayMessage) -> None:
        first = self._directory.owners[PEER_GATEWAY].ack + 1
        self._directory.apply(PEER_GATEWAY, first, [message])
