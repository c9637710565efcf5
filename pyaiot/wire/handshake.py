# SPDX-License-Identifier: BSD-3-Clause
"""How a session begins (PROTOCOL.md section 2): hello, auth, welcome. Nonces are given in, sockets are elsewhere.

Whatever fails raises HandshakeFailed; the peer is closed with 4401 and one text for all causes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pyaiot.wire import codec
from pyaiot.wire.errors import HandshakeFailed, WireError
from pyaiot.wire.messages import CHECK, Auth, Door, Hello, Welcome
from pyaiot.wire.names import is_name
from pyaiot.wire.signing import (
    KEY_BYTES,
    Opener,
    PrivateKey,
    PublicKey,
    Sealer,
    from_base64url,
    join_frame,
    split_frame,
    to_base64url,
)

AUTH_CONTEXT = b"pyaiot-auth-v1\x00"
NONCE_BYTES = 32
#: The longest message of the handshake, in bytes.
MAX_HANDSHAKE_BYTES = 4096
#: How a session is closed (PROTOCOL.md sections 2.1, 2.2): its end stops, a frame that makes no sense, no proof of who
#: it is, another session of the same gateway; and how it ends where none was meant.
CLOSE_DONE = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_BAD_FRAME = 4400
CLOSE_NOT_AUTHENTICATED = 4401
CLOSE_REPLACED = 4409
#: The WebSocket sub-protocol of the link.
SUBPROTOCOL = "pyaiot.gw.1"


@dataclass(frozen=True, slots=True)
class Session:
    """A session that both sides agree on, as the broker knows it after ``auth``."""

    gateway: str
    key: PublicKey
    epoch: str
    sealer: Sealer
    opener: Opener
    #: What the gateway can besides (``messages.READ``).
    features: frozenset[str] = frozenset()
    #: Where its devices come in.
    doors: tuple[Door, ...] = ()
    #: Only the broker's welcome is wanted, and no session.
    check: bool = False


def _session_id(hello: bytes, auth: bytes) -> bytes:
    return hashlib.sha256(hello + auth).digest()


def make_hello(broker: PublicKey, nonce: bytes, features: tuple[str, ...] = ()) -> str:
    """The broker's first message; ``nonce`` is 32 fresh random bytes."""
    return codec.encode(Hello(broker=str(broker), nonce=to_base64url(nonce), features=features)).decode()


def accept_auth(hello: str, auth: str, key: PrivateKey, authorised: Callable[[str], PublicKey | None]) -> Session:
    """The broker's judgement on a gateway's ``auth``; ``authorised`` gives the key of an admitted name.

    Raises HandshakeFailed: oversized, malformed, an unknown name, a wrong signature, meant for another broker.
    """
    if len(auth) > MAX_HANDSHAKE_BYTES:
        raise HandshakeFailed("auth is too long")
    try:
        signature, body = split_frame(auth)
        # The name decides which key the signature is checked with, so this one message is read first.
        # What is read is bounded, and nothing of it is believed until the signature is checked.
        message = codec.decode_auth(body)
        from_base64url(message.nonce, NONCE_BYTES)
        if not is_name(message.gateway):
            raise HandshakeFailed("no gateway can have that name")
        public = authorised(message.gateway)
        if public is None:
            raise HandshakeFailed(f"gateway {message.gateway!r} is not authorised")
        public.verify(AUTH_CONTEXT + hello.encode() + body, signature)
    except HandshakeFailed:
        raise
    except (WireError, ValueError) as error:
        raise HandshakeFailed(f"auth: {error}") from None
    if message.broker != str(key.public):
        raise HandshakeFailed(f"gateway {message.gateway!r} means another broker")
    session = _session_id(hello.encode(), body)
    return Session(
        gateway=message.gateway,
        key=public,
        epoch=message.epoch,
        sealer=Sealer(key, session, b"B"),
        opener=Opener(public, session, b"G"),
        features=frozenset(message.features),
        doors=message.doors,
        check=message.check,
    )


def make_welcome(session: Session, ack: int, features: tuple[str, ...] = ()) -> str:
    """The broker's last message of the handshake, frame 0 of its direction."""
    return session.sealer.seal(codec.encode(Welcome(ack=ack, features=features)))


@dataclass(frozen=True, slots=True)
class Answer:
    """A gateway's answer to ``hello``: the ``auth`` to send, and the session that ``welcome`` will confirm."""

    auth: str
    sealer: Sealer
    opener: Opener


def read_hello(hello: str) -> Hello:
    """The broker's hello, of which nothing is proved yet; raises HandshakeFailed: malformed."""
    if len(hello) > MAX_HANDSHAKE_BYTES:
        raise HandshakeFailed("hello is too long")
    try:
        message = codec.decode_hello(hello.encode())
        from_base64url(message.nonce, NONCE_BYTES)
        from_base64url(message.broker, KEY_BYTES)
    except (WireError, ValueError) as error:
        raise HandshakeFailed(f"hello: {error}") from None
    return message


def answer_hello(
    hello: str,
    *,
    key: PrivateKey,
    name: str,
    broker: PublicKey,
    nonce: bytes,
    epoch: str,
    features: tuple[str, ...] = (),
    doors: tuple[Door, ...] = (),
    check: bool = False,
) -> Answer:
    """A gateway's answer to the broker's ``hello``; ``broker`` is the key it must be, ``nonce`` 32 random bytes.

    ``check``: no session is meant (see messages.Auth). Raises HandshakeFailed: malformed, another broker than the one
    this gateway trusts, or one that cannot be checked without beginning a session.
    """
    message = read_hello(hello)
    if message.broker != str(broker):
        raise HandshakeFailed(f"this broker's key is {message.broker}, but the one trusted here is {broker}")
    if check and CHECK not in message.features:
        raise HandshakeFailed("this broker is older, and can only begin a session")
    auth = Auth(
        gateway=name,
        broker=str(broker),
        nonce=to_base64url(nonce),
        epoch=epoch,
        features=features,
        doors=doors,
        check=check,
    )
    body = codec.encode(auth)
    signature = key.sign(AUTH_CONTEXT + hello.encode() + body)
    session = _session_id(hello.encode(), body)
    return Answer(
        auth=join_frame(signature, body),
        sealer=Sealer(key, session, b"G"),
        opener=Opener(broker, session, b"B"),
    )


def read_welcome(answer: Answer, welcome: str) -> Welcome:
    """The broker's welcome; raises HandshakeFailed when it is not the broker's."""
    if len(welcome) > MAX_HANDSHAKE_BYTES:
        raise HandshakeFailed("welcome is too long")
    try:
        return codec.decode_welcome(answer.opener.open(welcome))
    except WireError as error:
        raise HandshakeFailed(f"welcome: {error}") from None
