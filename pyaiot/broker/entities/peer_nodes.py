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
#: What the newest of all topics may take in memory, about: of one entity, and of all together.
MAX_KEPT_BYTES: Final = 4 * 1024 * 1024
MAX_KEPT_IN_ALL_BYTES: Final = 128 * 1024 * 1024
#: What it takes there beside its characters, about: each element, key, list and object.
_IN_MEMORY: Final = ((b",", 32), (b":", 64), (b"[", 64), (b"{", 192))
#: The outbox of the broker itself begins with the broker.
_EPOCH: Final = "broker"


def uid_of(id: str) -> str:
    """What the node of the entity ``id`` is called."""
    return f"{PEER_GATEWAY}/{id}"


def kept_bytes(encoded: bytes) -> int:
    """What a value takes in memory, about, by its JSON: each empty list takes twenty times what it says.

    What looks like elements within a text counts, too: rather too much than too little.
    """
    return len(encoded) + sum(size * encoded.count(mark) for mark, size in _IN_MEMORY)


class PeerNodes:
    """Tells the directory of entities. ``wall_ms`` is Unix time in milliseconds, as gateways give it."""

    def __init__(self, directory: Directory, wall_ms: Callable[[], int]) -> None:
        self._directory = directory
        self._wall_ms = wall_ms
        #: By topic, of the newest content: bytes as JSON, and in memory.
        self._sizes: dict[str, dict[str, tuple[int, int]]] = {}
        self._kept = 0
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
        self._take_room(sizes, name, encoded)
        value, unit = read_value(content, resource=name)
        at = self._wall_ms()
        if unit is None:
            self._apply(Update(uid=id, resource=name, data=content, value=value, at=at))
        else:
            self._apply(Update(uid=id, resource=name, data=content, value=value, unit=unit, at=at))
        return encoded

    def _take_room(self, sizes: dict[str, tuple[int, int]], name: str, encoded: bytes) -> None:
        others = [size for topic, size in sizes.items() if topic != name]
        length, kept = len(encoded), kept_bytes(encoded)
        if sum(size[0] for size in others) + length > MAX_PUBLISHED_BYTES:
            raise RpcError.of("busy", f"all topics of an entity have at most {MAX_PUBLISHED_BYTES} bytes")
        if sum(size[1] for size in others) + kept > MAX_KEPT_BYTES:
            raise RpcError.of("busy", "all topics of an entity have too many elements: publish fewer, or one text")
        grows = kept - sizes.get(name, (0, 0))[1]
        if grows > 0 and self._kept + grows > MAX_KEPT_IN_ALL_BYTES:
            raise RpcError.of("busy", "all entities together have published too much")
        self._kept += grows
        sizes[name] = length, kept

    def topics(self, id: str) -> list[str]:
        """What the entity has published under, sorted; not what it published as a whole."""
        return sorted(name for name in self._sizes.get(id, ()) if name != WHOLE)

    def leave(self, id: str) -> None:
        """The entity is gone."""
        self._kept -= sum(kept for _, kept in self._sizes.pop(id).values())
        self._apply(Out(uid=id, why="closed", at=self._wall_ms()))

    def _apply(self, message: GatewayMessage) -> None:
        first = self._directory.owners[PEER_GATEWAY].ack + 1
        self._directory.apply(PEER_GATEWAY, first, [message])
