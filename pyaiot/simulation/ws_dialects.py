# SPDX-License-Identifier: BSD-3-Clause
"""What simulated WebSocket devices say and understand (PROTOCOL.md section 1.3): at ``/node``, and with a token."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

SUBPROTOCOL = "echo-protocol"


class Write(NamedTuple):
    """The gateway asks that ``resource`` be ``value``."""

    resource: str
    value: str


class Heard(NamedTuple):
    """What a message of the gateway means."""

    #: Say everything that there is. A device with a token is accepted by that.
    tell_all: bool = False
    writes: tuple[Write, ...] = ()
    pong: bool = False


NOTHING = Heard()


class Dialect(Protocol):
    """One way to be a device."""

    #: Where on the gateway, and the sub-protocol to offer.
    path: str
    subprotocol: str | None
    #: Whether the device is one as soon as it is connected.
    open: bool

    def hello(self, token: str) -> str | None:
        """What to say first."""

    def ping(self) -> str | None:
        """What to say now and then, and to be answered."""

    def hear(self, text: str | bytes) -> Heard | None:
        """What a message means; None: nothing that a device knows."""


class NodeDialect:
    """A device at ``/node``, called by its id in the URL."""

    subprotocol: str | None = None
    open = True

    def __init__(self, uid: str) -> None:
        self.path = f"/node?id={quote(uid)}"

    def hello(self, token: str) -> str | None:
        """See Dialect: it is asked first."""
        return None

    def ping(self) -> str | None:
        """See Dialect: pings of WebSocket will do."""
        return None

    def hear(self, text: str | bytes) -> Heard | None:
        """See Dialect."""
        match _read(text):
            case {"request": "discover"}:
                return Heard(tell_all=True)
            case {"endpoint": str(name), "payload": payload}:
                return Heard(writes=(Write(name, _as_text(payload)),))
        return None


class TokenDialect:
    """A device with a token, as those of an OISP platform are: it is actuated by component, command and parameter."""

    path = "/"
    subprotocol: str | None = SUBPROTOCOL
    open = False

    def __init__(self, uid: str, resources: Iterable[str]) -> None:
        """``resources`` are those that it has; a parameter of a command is one in capitals."""
        self._uid = uid
        self._parameters = {name.upper(): name for name in resources}

    def hello(self, token: str) -> str | None:
        """See Dialect."""
        return json.dumps({"type": "device", "deviceId": self._uid, "deviceToken": token})

    def ping(self) -> str | None:
        """See Dialect."""
        return '{"type": "ping"}'

    def hear(self, text: str | bytes) -> Heard | None:
        """See Dialect. After 401 and 500 the connection is closed, with a reason."""
        match _read(text):
            case {"code": 200}:
                return Heard(tell_all=True)
            case {"code": 202}:
                return Heard(pong=True)
            case {"code": 401 | 500}:
                return NOTHING
            case {"code": 1024, "content": {"content": {"componentId": str(component), "params": list(parameters)}}}:
                return Heard(writes=tuple(self._writes(component, parameters)))
        return None

    def _writes(self, component: str, parameters: Iterable[Any]) -> Iterable[Write]:
        for parameter in parameters:
            match parameter:
                case {"name": str(name), "value": value}:
                    yield Write(self._parameters.get(name.upper(), component), _as_text(value))


def subject_of(token: str) -> str:
    """The device that a JSON Web Token says it is for (``sub``); whether that is true is for the gateway to check.

    Raises ValueError: it is no such token.
    """
    try:
        claims = token.split(".")[1]
        subject = json.loads(urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"]
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise ValueError("it is no device token") from None
    if not isinstance(subject, str):
        raise ValueError("its sub is no text")
    return subject


def _read(text: str | bytes) -> Mapping[str, Any] | None:
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) else None


def _as_text(value: Any) -> str:
    """As a person writes it: true and 1.0 are ``1``."""
    if isinstance(value, bool) or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    return str(value)
