# SPDX-License-Identifier: BSD-3-Clause
"""The messages of the gateway link as types (PROTOCOL.md section 2).

``at`` is Unix time in milliseconds, when the gateway got it. ``uid`` is the gateway's own; the broker puts
the gateway's name before it. The wire's word for a resource is ``endpoint``; it is spoken only here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

#: Whatever JSON can say: None, bool, int below 2**53, finite float, str, list, dict.
JSON: TypeAlias = Any

#: An integer that every JSON implementation keeps exactly.
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
ShortText = Annotated[str, msgspec.Meta(max_length=64)]
#: An account of a platform of devices.
AccountName = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
#: A feature that a gateway can have: its devices can be asked for a value (the message ``read``).
READ = "read"
#: Features that a broker can have: it takes the messages ``about`` and ``liveness``.
ABOUT = "about"
LIVENESS = "liveness"
#: Likewise, told in its hello: it proves who it is to who only wants to know that (``Auth.check``).
CHECK = "check"
#: The longest about, encoded.
MAX_ABOUT_BYTES = 2048
Features = Annotated[tuple[ShortText, ...], msgspec.Meta(max_length=16)]
#: JSON has no infinite numbers, and the codec takes none.
Choice = ShortText | bool | int | float
Reason = Annotated[str, msgspec.Meta(max_length=512)]
OutReason = Literal["timeout", "closed", "deregistered"]


class _Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", gc=False):
    """A message is a value: it never changes, and holds no reference to anything that does."""


class New(_Message, tag="new", frozen=True, kw_only=True):
    """A node is there; ``account`` is the one that it has proved to belong to, where there is one."""

    uid: ShortText
    protocol: ShortText
    account: AccountName | msgspec.UnsetType = msgspec.UNSET
    at: Count


class Update(_Message, tag="update", frozen=True, kw_only=True):
    """A node told a value: ``data`` as the device gave it, ``value`` and ``unit`` (RFC 8428) as we read it."""

    uid: ShortText
    resource: ShortText = msgspec.field(name="endpoint")
    data: JSON
    value: JSON
    unit: ShortText | msgspec.UnsetType = msgspec.UNSET
    at: Count


class Reset(_Message, tag="reset", frozen=True, kw_only=True):
    """A node rebooted: what was known of its values is void."""

    uid: ShortText
    at: Count


class Out(_Message, tag="out", frozen=True, kw_only=True):
    """A node is gone, and why."""

    uid: ShortText
    why: OutReason
    at: Count


class Seen(_Message, tag="seen", frozen=True, kw_only=True):
    """A node gave a sign of life without a value; at most one every 10 s a node."""

    uid: ShortText
    at: Count


class About(msgspec.Struct, frozen=True, omit_defaults=True, gc=False, rename={"interface": "if"}):
    """What is known of a resource besides its values (PROTOCOL.md section 2.3); what is None is not known."""

    title: ShortText | None = None
    writable: bool | None = None
    unit: ShortText | None = None
    min: float | None = None
    max: float | None = None
    step: float | None = None
    choices: Annotated[tuple[Choice, ...], msgspec.Meta(min_length=1, max_length=32)] | None = None
    rt: ShortText | None = None
    interface: ShortText | None = None
    ct: ShortText | None = None


class Described(_Message, tag="about", frozen=True, kw_only=True):
    """What a resource of a node is; replaces what was said before. For brokers with the feature ``about``."""

    uid: ShortText
    resource: ShortText = msgspec.field(name="endpoint")
    about: About


class Pace(_Message, tag="liveness", frozen=True, kw_only=True, omit_defaults=True):
    """How a node's liveness is judged: silence that ends it, and how often it usually shows itself; both in ms.

    For brokers with the feature ``liveness``.
    """

    uid: ShortText
    timeout_ms: Count | None = msgspec.field(name="timeout", default=None)
    interval_ms: Count | None = msgspec.field(name="interval", default=None)


class Door(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Where devices come in to a gateway: ``host`` unless it is the gateway's own."""

    scheme: ShortText
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)]
    host: ShortText | None = None
    path: ShortText | None = None


class Sync(_Message, tag="sync", frozen=True, kw_only=True):
    """All nodes of this gateway were told again; those not in ``uids`` are gone.

    A list that does not fit into one message comes in parts, each but the last with ``more``: then those in
    none of the parts are gone. A node told by ``new`` since the first part counts as listed.
    """

    uids: list[ShortText]
    more: bool | msgspec.UnsetType = msgspec.UNSET


class Result(_Message, tag="result", frozen=True, kw_only=True):
    """The outcome of the write or read ``id``; ``code`` and ``reason`` where it is not ok."""

    id: Count
    ok: bool
    code: ShortText | msgspec.UnsetType = msgspec.UNSET
    reason: Reason | msgspec.UnsetType = msgspec.UNSET


class Write(_Message, tag="write", frozen=True, kw_only=True):
    """Write ``data`` to a node's resource; at most once, never later than ``ttl_ms`` after it came."""

    id: Count
    uid: ShortText
    resource: ShortText = msgspec.field(name="endpoint")
    data: JSON
    ttl_ms: Count = msgspec.field(name="ttl")


class Read(_Message, tag="read", frozen=True, kw_only=True):
    """Have a node say what a resource is now; for gateways that told the feature ``read`` in their ``auth``."""

    id: Count
    uid: ShortText
    resource: ShortText = msgspec.field(name="endpoint")
    ttl_ms: Count = msgspec.field(name="ttl")


class Refused(_Message, tag="refused", frozen=True, kw_only=True):
    """The broker did not take something that the gateway said of node ``uid``, and why."""

    uid: ShortText
    reason: Reason


GatewayMessage: TypeAlias = New | Update | Reset | Out | Seen | Described | Pace | Sync | Result
BrokerMessage: TypeAlias = Write | Read | Refused


class GatewayFrame(msgspec.Struct, frozen=True, gc=False):
    """What a gateway sends: messages with the ids ``first``, ``first + 1``, …"""

    first: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    messages: list[GatewayMessage]


class BrokerFrame(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What the broker sends: every message up to ``ack`` is applied; and messages for the gateway."""

    ack: Count | None = None
    messages: list[BrokerMessage] = []


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello", omit_defaults=True):
    """Handshake 1, unsigned: who the broker says it is, and a nonce of 32 bytes (both base64url).

    ``features``: what one has to know of the broker before ``auth``; older gateways ignore it.
    """

    broker: ShortText
    nonce: ShortText
    features: Features = ()


class Auth(msgspec.Struct, frozen=True, tag_field="type", tag="auth", omit_defaults=True):
    """Handshake 2, signed by the gateway: who speaks to whom, a nonce, and the epoch of its outbox.

    ``features``: what it can besides; ``doors``: where its devices come in. Brokers ignore what they do not know of
    them, and older ones all.
    """

    gateway: ShortText
    broker: ShortText
    nonce: ShortText
    epoch: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{16}\Z")]
    features: Features = ()
    doors: Annotated[tuple[Door, ...], msgspec.Meta(max_length=8)] = ()
    #: No session is meant: the broker is to prove who it is, say whether it admits us, and hang up. Only to a broker
    #: whose hello has the feature ``check``: another one would begin a session, and end the one that there is.
    check: bool = False


class Welcome(msgspec.Struct, frozen=True, tag_field="type", tag="welcome", omit_defaults=True):
    """Handshake 3, frame 0 of the broker: the highest message id kept for this epoch, or 0; what it takes besides."""

    ack: Count
    features: Features = ()
