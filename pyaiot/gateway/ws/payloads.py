# SPDX-License-Identifier: BSD-3-Clause
"""The messages of devices at ``/node``, and those for them (PROTOCOL.md section 1.3). Pure.

JSON is as strict as everywhere (see ``wire.codec``). What cannot be read raises :class:`BadMessage` and nothing else.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from pyaiot.gateway.ws.sessions.contract import Code, Rejected
from pyaiot.wire.codec import check_value, decode, encode
from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import JSON, About, Count, ShortText
from pyaiot.wire.names import is_name, is_resource

#: The longest message of a device, in bytes; what is longer closes with 1009.
MAX_MESSAGE_BYTES: Final = 16_384
#: The longest reason that a close frame has room for (RFC 6455 section 5.5), in bytes.
MAX_REASON_BYTES: Final = 123
DISCOVER: Final = b'{"request":"discover"}'


class BadMessage(Rejected):
    """A message that cannot be read; ``str()`` is the reason, fit to send to the device."""

    def __init__(self, reason: str, code: Code = Code.BAD_MESSAGE) -> None:
        super().__init__(code, reason)


class Update(msgspec.Struct, frozen=True, tag_field="type", tag="update", gc=False):
    """Values of a device: ``data`` by resource, ``units`` (RFC 8428 spelling) of some, ``age`` of all in ms.

    ``uid`` and ``key`` say who it is, in its first update.
    """

    data: dict[str, JSON]
    uid: str | UnsetType = UNSET
    key: str | UnsetType = UNSET
    age: Count = 0
    units: dict[str, ShortText] | UnsetType = UNSET


class Description(msgspec.Struct, frozen=True, tag_field="type", tag="about", gc=False):
    """What resources of a device are, besides their values."""

    data: dict[str, About]


class _New(msgspec.Struct, frozen=True, tag_field="type", tag="new"):
    """Means nothing here, as the other two."""


class _Out(msgspec.Struct, frozen=True, tag_field="type", tag="out"):
    pass


class _Reset(msgspec.Struct, frozen=True, tag_field="type", tag="reset"):
    pass


class _Typed(msgspec.Struct, frozen=True):
    """Any message: it has a type."""

    type: str


class _Write(msgspec.Struct, frozen=True):
    """Please set a resource. The wire's word for it is spoken only here."""

    resource: str = msgspec.field(name="endpoint")
    payload: JSON


# One decoder for all: that of a single type would take it without its "type", too.
_Message = Update | Description | _New | _Out | _Reset
_messages: msgspec.json.Decoder[_Message] = msgspec.json.Decoder(_Message)
_typed = msgspec.json.Decoder(_Typed)
_is_resource = lru_cache(4096)(is_resource)


def parse_message(raw: bytes) -> Update | Description | None:
    """Read a message; None is one that is proper and means nothing here. Raises BadMessage.

    Everything is checked before anything of it can be used: names, depth, numbers.
    """
    try:
        message = decode(_messages, raw, keys_of)
    except Malformed as error:
        raise _diagnose(raw, str(error)) from None
    if not isinstance(message, Update | Description):
        return None
    for resource in message.data:
        if not _is_resource(resource) and not _is_resource(resource.removeprefix("/")):
            raise BadMessage("a resource is 1 to 64 characters of A-Z a-z 0-9 . _ : - with / inside")
    return message


def _diagnose(raw: bytes, error: str) -> BadMessage:
    """What to tell whoever wrote a message that cannot be read; ``error`` is the decoder's reason."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return BadMessage("the message is not UTF-8", Code.NOT_UTF8)
    if error == "not JSON":
        return BadMessage("the message is not JSON" if text.strip() else "the message is empty")
    if "`" not in error and "expected" not in error.lower():
        return BadMessage(error)
    try:
        kind = decode(_typed, raw).type
    except Malformed:
        return BadMessage('send a JSON object with a "type": {"type": "update", "data": {…}}')
    if kind == "about":
        return BadMessage(f'{error}: send {{"type": "about", "data": {{"<resource>": {{"title": "<text>"}}}}}}')
    if kind != "update":
        return BadMessage('unknown "type": send {"type": "update", "data": {"<resource>": <value>}}')
    return BadMessage(f'{error}: send {{"type": "update", "data": {{"<resource>": <value>}}}}')


def check_uid(uid: str) -> str:
    """``uid``, if a node can be called so; raises BadMessage."""
    if not is_name(uid):
        raise BadMessage("an id is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    return uid


def encode_write(resource: str, data: JSON) -> bytes:
    """The message that writes ``data`` to ``resource``."""
    return encode(_Write(resource, data))


def close_reason(text: str) -> str:
    """As much of ``text`` as a close frame has room for, cut between characters."""
    raw = text.encode(errors="replace")
    if len(raw) <= MAX_REASON_BYTES:
        return raw.decode()
    return raw[: MAX_REASON_BYTES - 3].decode(errors="ignore") + "…"


def keys_of(update: _Message) -> int:
    """How many keys an update has. Raises Malformed: nested too deep, a number too large."""
    if not isinstance(update, Update):
        return -1  # nobody knows; it is read again
    data = update.data
    keys = 2 + len(data)
    for value in data.values():
        if type(value) is not str and type(value) is not float:
            keys += check_value(value)
    if update.uid is not UNSET:
        keys += 1
    if update.key is not UNSET:
        keys += 1
    if update.units is not UNSET:
        keys += 1 + len(update.units)
    # An age that is there and 0 is not told from none: then the message is read again.
    return keys + 1 if update.age else keys
