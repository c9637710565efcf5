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
from pyaiot.wire.messages import JSON, Count, ShortText
from pyaiot.wire.names import is_name, is_resource

#: The longest message of a device, in bytes; what is longer closes with 1009.
MAX_MESSAGE_BYTES: Final = 16_384
#: The longest reason that a close frame has room for (RFC 6455 section 5.5), in bytes.
MAX_REASON_BYTES: Final = 123
#: Types of messages that devices may send, and that mean nothing here.
OTHER_TYPES: Final = frozenset(("new", "out", "reset"))

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


class _Other(msgspec.Struct, frozen=True):
    """Any message: it has a type."""

    type: str


class _Write(msgspec.Struct, frozen=True):
    """Please set a resource. The wire's word for it is spoken only here."""

    resource: str = msgspec.field(name="endpoint")
    payload: JSON


_updates = msgspec.json.Decoder(Update)
_others = msgspec.json.Decoder(_Other)
_is_resource = lru_cache(4096)(is_resource)


def parse_message(raw: bytes) -> Update | None:
    """Read a message; None is one that is proper and means nothing here. Raises BadMessage.

    Of an update everything is checked before anything of it can be used: names, depth, numbers.
    """
    try:
        update = decode(_updates, raw, _keys_of)
    except Malformed as error:
        _check_other(raw, error)
        return None
    for resource in update.data:
        if not _is_resource(resource) and not _is_resource(resource.removeprefix("/")):
            raise BadMessage("a resource is 1 to 64 characters of A-Z a-z 0-9 . _ : - with / inside")
    return update


def _check_other(raw: bytes, error: Malformed) -> None:
    """It is no update: perhaps another message, or ``error`` says what is wrong. Raises BadMessage."""
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        raise BadMessage("the message is not UTF-8", Code.NOT_UTF8) from None
    try:
        kind = decode(_others, raw).type
    except Malformed as other:
        if str(other) == "not JSON":
            raise BadMessage("the message is not JSON" if text.strip() else "the message is empty") from None
        if "nested" in str(error) or "twice" in str(error) or "integer" in str(error):
            raise BadMessage(str(error)) from None
        raise BadMessage('send a JSON object with a "type": {"type": "update", "data": {…}}') from None
    if kind == "update":
        raise BadMessage(f'{error}: send {{"type": "update", "data": {{"<resource>": <value>}}}}')
    if kind not in OTHER_TYPES:
        raise BadMessage('unknown "type": send {"type": "update", "data": {"<resource>": <value>}}')


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


def _keys_of(update: Update) -> int:
    """How many keys an update has. Raises Malformed: nested too deep, a number too large."""
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
