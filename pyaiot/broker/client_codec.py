# SPDX-License-Identifier: BSD-3-Clause
"""The messages of ``/ws`` (PROTOCOL.md section 3.1), as they are read from and written to clients. Pure."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from pyaiot.broker.entries import Milestone, Node, Notice, Resource
from pyaiot.wire import codec
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON

#: The longest message of a client, in bytes (PROTOCOL.md section 3.3).
MAX_MESSAGE_BYTES = 16_384

Id = Annotated[str, msgspec.Meta(max_length=64)]


class Join(msgspec.Struct, frozen=True, tag_field="type", tag="new"):
    """A client wants the state, and changes from then on; ``features`` are our additions to the fixed stream."""

    token: Annotated[str, msgspec.Meta(max_length=256)] = ""
    features: Annotated[list[Annotated[str, msgspec.Meta(max_length=64)]], msgspec.Meta(max_length=16)] = []


class WriteData(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to write where; exactly these three keys."""

    uid: Annotated[str, msgspec.Meta(max_length=129)]
    resource: Annotated[str, msgspec.Meta(max_length=65)] = msgspec.field(name="endpoint")
    payload: JSON


class WriteRequest(msgspec.Struct, frozen=True, tag_field="type", tag="update"):
    """A client wants something written; with an ``id`` it is told the outcome, if it asked for results."""

    data: WriteData
    id: Id | int | None = None


ClientMessage: TypeAlias = Join | WriteRequest

_decoder: msgspec.json.Decoder[ClientMessage] = msgspec.json.Decoder(Join | WriteRequest)


def decode(text: str) -> ClientMessage:
    """Read a client's message; raises Malformed, whose text is fit for the close reason."""
    try:
        raw = text.encode()
    except UnicodeEncodeError:
        raise Malformed("not UTF-8") from None
    message = codec.decode(_decoder, raw)
    if isinstance(message, WriteRequest):
        codec.check_value(message.data.payload)
        if isinstance(message.id, int):
            codec.check_value(message.id)
    return message


class _New(msgspec.Struct, tag_field="type", tag="new", gc=False):
    uid: str
    dst: str


class _Update(msgspec.Struct, tag_field="type", tag="update", gc=False):
    uid: str
    endpoint: str
    data: JSON
    dst: str
    value: JSON
    unit: str | msgspec.UnsetType
    at: int


class _Out(msgspec.Struct, tag_field="type", tag="out", gc=False):
    uid: str


class _Reset(msgspec.Struct, tag_field="type", tag="reset", gc=False):
    uid: str


class _Result(msgspec.Struct, tag_field="type", tag="result"):
    id: str | int
    ok: bool
    code: str | msgspec.UnsetType = msgspec.UNSET
    reason: str | msgspec.UnsetType = msgspec.UNSET


_encode = msgspec.json.Encoder().encode
SYNCED = b'{"type":"synced"}'


def encode_update(resource: Resource, dst: str = "all") -> bytes:
    """The newest value of a resource."""
    return _encode(
        _Update(
            resource.node.uid,
            resource.name,
            resource.data,
            dst,
            resource.value,
            msgspec.UNSET if resource.unit is None else resource.unit,
            resource.at,
        )
    )


def encode_entry(entry: Node | Resource | Notice | Milestone, dst: str = "all") -> bytes:
    """What to tell of an entry of the directory."""
    if isinstance(entry, Resource):
        return encode_update(entry, dst)
    if isinstance(entry, Node):
        return _encode(_New(entry.uid, dst))
    if isinstance(entry, Notice):
        return encode_notice("out" if entry.kind == "out" else "reset", entry.uid)
    return SYNCED


def encode_notice(kind: Literal["out", "reset"], uid: str) -> bytes:
    """That a node is gone, or rebooted."""
    return _encode(_Out(uid) if kind == "out" else _Reset(uid))


def encode_result(id: str | int, code: str | None, reason: str | None) -> bytes:
    """The outcome of the write that the client called ``id``; ``code`` is None when it was confirmed."""
    if code is None:
        return _encode(_Result(id, True))
    return _encode(_Result(id, False, code, reason or ""))


def reason_for_close(error: Malformed) -> str:
    """At most 123 bytes, as a close frame can hold (RFC 6455 section 5.5)."""
    return str(error).encode()[:120].decode(errors="ignore")
