# SPDX-License-Identifier: BSD-3-Clause
"""The messages of the sub-protocol ``echo-protocol`` (PROTOCOL.md section 1.3), as OISP devices speak it. Pure.

JSON is as strict as everywhere (see ``wire.codec``). What cannot be read raises :class:`WrongFormat` and nothing else.
"""

from __future__ import annotations

from typing import Final

import msgspec

from pyaiot.actuation import Actuator
from pyaiot.gateway.ws.payloads import Update, keys_of
from pyaiot.wire.codec import decode, encode
from pyaiot.wire.errors import Malformed
from pyaiot.wire.names import is_name, is_resource

SUBPROTOCOL: Final = "echo-protocol"


class WrongFormat(Exception):
    """A message that cannot be read; ``str()`` says why, in few words and none of the device's own."""


class Introduction(msgspec.Struct, frozen=True, tag_field="type", tag="device", rename="camel"):
    """The device says who it is. Sent again later, it brings a newer token."""

    device_id: str
    device_token: str


class Ping(msgspec.Struct, frozen=True, tag_field="type", tag="ping"):
    """The device asks whether the connection is alive."""


class _Other(msgspec.Struct, frozen=True):
    """Any message: it has a type."""

    type: str


class _Answer(msgspec.Struct, frozen=True):
    code: int
    content: str


class _Parameter(msgspec.Struct, frozen=True):
    name: str
    value: str


class _Command(msgspec.Struct, frozen=True, rename="camel"):
    account_id: str
    device_id: str
    gateway_id: str
    component_id: str
    command: str
    params: tuple[_Parameter, ...]


class _Actuation(msgspec.Struct, frozen=True, tag_field="type", tag="command"):
    transport: str
    content: _Command


class _Commanded(msgspec.Struct, frozen=True):
    code: int
    content: _Actuation


Message = Introduction | Ping | Update

ACCEPTED: Final = encode(_Answer(200, "Record in database update for device"))
PONG: Final = encode(_Answer(202, "PONG"))
INVALID_TOKEN: Final = encode(_Answer(401, "Invalid device token"))
WRONG_FORMAT: Final = encode(_Answer(401, "Wrong message format"))
FAULT: Final = encode(_Answer(500, "Internal server error"))
ACTUATION_CODE: Final = 1024

_messages: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_others = msgspec.json.Decoder(_Other)
_KNOWN: Final = frozenset(("device", "ping", "update"))


def parse_message(raw: bytes) -> Message | None:
    """Read a message of a device; None is one of a type that means nothing here. Raises WrongFormat.

    Ids and names of resources are checked; a token is not looked at.
    """
    try:
        message = decode(_messages, raw, _keys_of)
    except Malformed as error:
        _check_other(raw, error)
        return None
    if isinstance(message, Introduction):
        if not is_name(message.device_id):
            raise WrongFormat("a deviceId is 1 to 64 characters of A-Z a-z 0-9 . _ : -")
    elif isinstance(message, Update):
        for resource in message.data:
            if not is_resource(resource.removeprefix("/")):
                raise WrongFormat("a resource is 1 to 64 characters of A-Z a-z 0-9 . _ : - with / inside")
    return message


def _keys_of(message: Message) -> int:
    """How many keys a message has that has no others than its type knows."""
    if isinstance(message, Update):
        return keys_of(message)
    return 3 if isinstance(message, Introduction) else 1


def _check_other(raw: bytes, error: Malformed) -> None:
    """It is none of ours: perhaps another, or ``error`` says what is wrong. Raises WrongFormat."""
    try:
        kind = decode(_others, raw).type
    except Malformed:
        raise WrongFormat(str(error)) from None
    if kind in _KNOWN:
        raise WrongFormat(str(error))


def encode_command(device: str, account: str | None, actuator: Actuator, value: str) -> bytes:
    """The message (code 1024) that gives the parameter of ``actuator`` the ``value``.

    A device that connects by itself is its own gateway; without an account its id is empty.
    """
    command = _Command(
        account_id=account or "",
        device_id=device,
        gateway_id=device,
        component_id=actuator.component,
        command=actuator.command,
        params=(_Parameter(actuator.parameter, value),),
    )
    return encode(_Commanded(ACTUATION_CODE, _Actuation("ws", command)))
