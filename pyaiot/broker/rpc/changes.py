# SPDX-License-Identifier: BSD-3-Clause
"""What watching programs are told, as JSON (``nodes.changed`` in PROTOCOL.md section 3.5). Pure.

Each change is encoded once, for all who hear of it; a notification is made of such pieces.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pyaiot.broker.entries import Description, Gateway, GatewayState, Gone, Liveness, Node, Resource, Why
from pyaiot.broker.framing import text_frame
from pyaiot.broker.rpc.node_view import known
from pyaiot.wire.messages import JSON


class _Gateway(msgspec.Struct, tag_field="type", tag="gateway", gc=False):
    gateway: str
    state: GatewayState


class _Node(msgspec.Struct, tag_field="type", tag="node", gc=False):
    uid: str
    gateway: str
    protocol: str
    first_seen: int = msgspec.field(name="firstSeen")


class _Value(msgspec.Struct, tag_field="type", tag="value", gc=False):
    uid: str
    resource: str
    data: JSON
    value: JSON
    unit: str | msgspec.UnsetType
    at: int


class _Reset(msgspec.Struct, tag_field="type", tag="reset", gc=False):
    uid: str


class _Gone(msgspec.Struct, tag_field="type", tag="gone", gc=False):
    uid: str
    why: Why | msgspec.UnsetType = msgspec.UNSET
    at: int | msgspec.UnsetType = msgspec.UNSET


class _About(msgspec.Struct, tag_field="type", tag="about", gc=False):
    uid: str
    resource: str
    about: msgspec.Raw


class _Liveness(msgspec.Struct, tag_field="type", tag="liveness", gc=False):
    uid: str
    last_seen: int = msgspec.field(name="lastSeen")
    interval: int | msgspec.UnsetType
    timeout: int | msgspec.UnsetType


class _Dismissed(msgspec.Struct, tag_field="type", tag="dismissed", gc=False):
    uid: str


_encode = msgspec.json.Encoder().encode


def encode_gateway(gateway: Gateway) -> bytes:
    """Whether a gateway is there."""
    return _encode(_Gateway(gateway.name, gateway.state))


def encode_node(node: Node) -> bytes:
    """That a node is there, online."""
    return _encode(_Node(node.uid, node.gateway, node.protocol, node.first_seen))


def encode_value(resource: Resource) -> bytes:
    """The newest value of a resource."""
    unit = resource.unit
    return _encode(
        _Value(
            resource.node.uid,
            resource.name,
            resource.data,
            resource.value,
            msgspec.UNSET if unit is None else unit,
            resource.at,
        )
    )


def encode_reset(uid: str) -> bytes:
    """That all values of a node are void."""
    return _encode(_Reset(uid))


def encode_gone(uid: str, gone: Gone | None = None) -> bytes:
    """That a node is gone, and why; or, to whom only its resources matter, that it has none of them left."""
    if gone is None:
        return _encode(_Gone(uid))
    return _encode(_Gone(uid, gone.why, known(gone.at)))


def encode_about(description: Description) -> bytes:
    """What a resource is besides its values."""
    return _encode(_About(description.node.uid, description.name, msgspec.Raw(description.about)))


def encode_liveness(node: Node) -> bytes:
    """When a node was last seen, and how its liveness is judged."""
    return _encode(_Liveness(node.uid, node.last_seen, known(node.interval_ms), known(node.timeout_ms)))


def encode_detail(detail: Liveness | Description) -> bytes:
    """Whichever of the two it is."""
    return encode_liveness(detail.node) if isinstance(detail, Liveness) else encode_about(detail)


def encode_dismissed(uid: str) -> bytes:
    """That a node which went is to be forgotten."""
    return _encode(_Dismissed(uid))


def changed_frame(watch: int, version: int, changes: bytes, *, synced: bool = False, rpc_version: int = 2) -> bytes:
    """One ``nodes.changed`` as a WebSocket message; ``changes`` are pieces with commas between them."""
    begin, end = (
        (b'{"jsonrpc":"2.0","method":"nodes.changed","params":', b"}")
        if rpc_version == 2
        else (b'{"id":null,"method":"nodes.changed","params":[', b"]}")
    )
    more = b',"synced":true' if synced else b""
    return text_frame(b'%b{"watch":%d,"version":%d,"changes":[%b]%b}%b' % (begin, watch, version, changes, more, end))


def parts(pieces: list[bytes], limit: int) -> Iterator[bytes]:
    """The pieces with commas between them, in parts of about ``limit`` bytes at most, or of one piece."""
    part: list[bytes] = []
    size = 0
    for piece in pieces:
        if part and size + len(piece) > limit:
            yield b",".join(part)
            part, size = [], 0
        part.append(piece)
        size += len(piece) + 1
    yield b",".join(part)
