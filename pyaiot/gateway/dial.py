# SPDX-License-Identifier: BSD-3-Clause
"""How a session with the broker begins (PROTOCOL.md section 2), and what it can end of."""

from __future__ import annotations

import secrets
import ssl
from dataclasses import dataclass
from typing import Literal

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

from pyaiot.addresses import without_zone
from pyaiot.system_errors import reason_of
from pyaiot.tls.trust import failure as tls_failure
from pyaiot.wire.codec import MAX_FRAME_BYTES
from pyaiot.wire.errors import HandshakeFailed, WireError
from pyaiot.wire.handshake import (
    CLOSE_NOT_AUTHENTICATED,
    CLOSE_REPLACED,
    NONCE_BYTES,
    SUBPROTOCOL,
    Answer,
    answer_hello,
    read_welcome,
)
from pyaiot.wire.messages import Door, Welcome
from pyaiot.wire.signing import PrivateKey, PublicKey

#: Frames of the broker that are read ahead, at most.
MAX_UNREAD_FRAMES = 8

LossKind = Literal["unreachable", "untrusted", "stranger", "not admitted", "replaced", "lost", "fault"]


class LinkLost(Exception):
    """The session ended or did not begin; ``str()`` says why, in one line.

    ``kind``: ``unreachable`` (no connection), ``untrusted`` (its certificate is not trusted),
    ``stranger`` (it is not the broker that is trusted here), ``not admitted`` (it does not take our key), ``replaced``
    (by another session of our name), ``lost`` (it ended, or fell silent), ``fault`` (the broker said what it must not).
    """

    def __init__(self, kind: LossKind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTimes:
    """Times of the link, in seconds. Silence is noticed after ``ping_interval + ping_timeout`` at most."""

    open_s: float = 5.0
    handshake_s: float = 5.0
    ping_interval_s: float = 10.0
    ping_timeout_s: float = 10.0
    #: How long the broker may take to acknowledge something.
    acknowledge_s: float = 30.0
    #: A busy link sends a frame in this time, and one that is hardly busy in that.
    busy_pause_s: float = 0.020
    small_pause_s: float = 0.005
    close_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are, and whom we talk to."""

    name: str
    key: PrivateKey
    broker: PublicKey
    #: What we can besides, and where our devices come in: see messages.Auth.
    features: tuple[str, ...] = ()
    doors: tuple[Door, ...] = ()


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where the broker is: ``url`` is ``ws://…/gw`` or ``wss://…/gw``, ``tls`` says whom to trust there (default: the
    system's CAs), ``times`` how long things may take."""

    url: str
    tls: ssl.SSLContext | None = None
    times: LinkTimes = LinkTimes()


async def dial(broker: BrokerAddress) -> ClientConnection:
    """Connect to the broker; raises LinkLost."""
    times = broker.times
    named, to = without_zone(broker.url)
    try:
        return await connect(
            named,
            **to,
            ssl=broker.tls or broker.url.startswith("wss:") or None,
            subprotocols=[Subprotocol(SUBPROTOCOL)],
            compression=None,
            proxy=None,
            open_timeout=times.open_s,
            ping_interval=None,  # see Link._watch
            close_timeout=times.close_s,
            max_size=MAX_FRAME_BYTES,
            max_queue=MAX_UNREAD_FRAMES,
        )
    except InvalidStatus as error:
        body = bytes(error.response.body or b"")[:100].decode(errors="replace").strip()
        status = f"{error.response.status_code} {error.response.reason_phrase}"
        raise LinkLost("unreachable", f"HTTP {status}{f': {body}' if body else ''}") from None
    except ssl.SSLError as error:
        untrusted = isinstance(error, ssl.SSLCertVerificationError)
        raise LinkLost("untrusted" if untrusted else "unreachable", tls_failure(error, "--broker-ca")) from None
    except TimeoutError:
        # Who waits for a request of HTTP takes a hello of TLS for the beginning of one.
        hint = "; does it speak TLS?" if broker.url.startswith("wss:") else ""
        raise LinkLost("unreachable", f"no answer within {times.open_s:g} s{hint}") from None
    except InvalidURI as error:
        sent_on = f"it sends us on to {error.uri[:100]}: say that address, with wss://"
        raise LinkLost("unreachable", sent_on if error.uri != named else reason_of(error)) from None
    except ConnectionResetError:  # uvloop's has no text
        raise LinkLost("unreachable", "it ended the connection before it answered") from None
    except (OSError, EOFError, InvalidHandshake, ValueError) as error:
        raise LinkLost("unreachable", reason_of(error)) from None


async def shake_hands(connection: ClientConnection, identity: Identity, epoch: str) -> tuple[Answer, Welcome]:
    """Hello, auth, welcome: the session, and what the broker has kept of ``epoch``. Raises HandshakeFailed."""
    if connection.subprotocol != SUBPROTOCOL:
        raise HandshakeFailed(f"who answers there does not speak {SUBPROTOCOL}")
    answer = answer_hello(
        text_of(await connection.recv()),
        key=identity.key,
        name=identity.name,
        broker=identity.broker,
        nonce=secrets.token_bytes(NONCE_BYTES),
        epoch=epoch,
        features=identity.features,
        doors=identity.doors,
    )
    await connection.send(answer.auth)
    return answer, read_welcome(answer, text_of(await connection.recv()))


def text_of(message: str | bytes) -> str:
    """The text of a message; raises WireError for a binary one."""
    if isinstance(message, bytes):
        raise WireError("not a text message")
    return message


def loss_of(closed: ConnectionClosed, *, admitted: bool) -> LinkLost:
    """What it means that the connection closed, by the code the broker gave; ``admitted``: the session had begun."""
    code = closed.rcvd.code if closed.rcvd is not None else None
    reason = closed.rcvd.reason if closed.rcvd is not None else ""
    if code == CLOSE_NOT_AUTHENTICATED and admitted:
        # Which of the two it was, the next try will show.
        return LinkLost("lost", "the broker believed us no more: our key was revoked, or a frame was damaged")
    if code == CLOSE_NOT_AUTHENTICATED:
        return LinkLost("not admitted", "the broker does not admit this gateway")
    if code == CLOSE_REPLACED:
        return LinkLost("replaced", "another session with this gateway's name took its place")
    if code is None:
        cause = closed.__cause__
        return LinkLost("lost", f"the connection broke{f': {reason_of(cause)}' if cause else ''}")
    return LinkLost("lost", f"the broker closed the session: {code} {reason}".rstrip())
