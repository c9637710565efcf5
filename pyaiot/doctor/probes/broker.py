# SPDX-License-Identifier: BSD-3-Clause
"""Looks at a broker as its gateways would: name, connection, TLS, ``/health``, and the signed handshake of ``/gw``.

No session begins (PROTOCOL.md section 2.2, ``check``): a gateway that runs stays connected.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed

from pyaiot.addresses import is_loopback
from pyaiot.doctor.checks.broker import BrokerFacts, Handshake
from pyaiot.doctor.probes.bounded import STEP_S, reason_of, resolve
from pyaiot.doctor.subjects import Place
from pyaiot.gateway.dial import BrokerAddress, LinkLost, LinkTimes, dial, text_of
from pyaiot.keys import Keys
from pyaiot.tls.trust import failure, trusting, trusting_own_process
from pyaiot.wire import handshake
from pyaiot.wire.errors import WireError
from pyaiot.wire.messages import CHECK
from pyaiot.wire.signing import PrivateKey, PublicKey

#: Of an answer over HTTP no more is read, in bytes.
MAX_ANSWER: Final = 64 * 1024
#: Gateways whose keys are tried, of one key file.
MAX_GATEWAYS: Final = 16
#: What is taken of /health, where it is a short text or a number.
_HEALTH: Final = ("status", "version", "gateways", "nodes", "clients")
_MAX_TEXT: Final = 80
_TIMES: Final = LinkTimes(open_s=STEP_S, handshake_s=STEP_S, close_s=0.2)


@dataclass(frozen=True, slots=True)
class Seen:
    """``difference_s``: the broker's clock less ours, None where it did not tell."""

    facts: BrokerFacts
    difference_s: float | None = None


class NoHttp(Exception):
    """What came is no answer of HTTP, or not the one wanted; ``str()`` says why in few words."""


async def look(place: Place, keys: Keys | None, own: frozenset[str], expected: bool) -> Seen:
    """``own``: addresses of this host. Takes at most two times STEP_S. Raises ConfigurationError: of ``ca``."""
    deadline = asyncio.get_running_loop().time() + STEP_S
    parts = urlsplit(place.url)
    host, tls = parts.hostname or "", parts.scheme == "wss"
    facts = BrokerFacts(url=place.url, here=False, expected=expected, reached="resolve")
    context = None
    if tls:
        context = trusting(place.ca, "--broker-ca") if place.verify else trusting_own_process()
    try:
        addresses = await resolve(host)
    except TimeoutError as error:
        return Seen(replace(facts, fault=reason_of(error)))
    if not addresses:
        return Seen(replace(facts, fault="there is no host of that name", expected=True))
    here = any(is_loopback(each) or each in own for each in addresses)
    facts = replace(facts, here=here, expected=expected or not here)
    writer = None
    try:
        async with asyncio.timeout_at(deadline):
            reader, writer = await asyncio.open_connection(host, parts.port or (443 if tls else 80), limit=MAX_ANSWER)
            if context is not None:
                await writer.start_tls(context, server_hostname=host)
    except ssl.SSLError as error:
        return Seen(replace(facts, reached="tls", fault=failure(error, "--broker-ca")))
    except (OSError, TimeoutError, ValueError) as error:
        if writer is None:
            return Seen(replace(facts, reached="connect", fault=reason_of(error)))
        writer.transport.abort()
        # Who waits for a request of HTTP takes a hello of TLS for the beginning of one.
        hint = ": what answers there does not speak TLS" if isinstance(error, TimeoutError) else ""
        return Seen(replace(facts, reached="tls", fault=reason_of(error) + hint))
    healthy, handshakes = await asyncio.gather(
        _health(reader, writer, parts.netloc, parts.path), _shake_hands(place, context, keys)
    )
    fault, health, difference = healthy
    facts = replace(facts, handshakes=handshakes)
    if fault and all(each.proof == "none" for each in handshakes.values()):
        return Seen(replace(facts, reached="http", fault=fault))
    return Seen(replace(facts, reached="answered", health=health), difference)


async def _health(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str, path: str
) -> tuple[str, Mapping[str, Any], float | None]:
    """Why there is no answer, or empty; what /health says; the difference of the clocks. ``path`` is that of /gw."""
    asked = path.removesuffix("/gw") + "/health"
    try:
        async with asyncio.timeout(STEP_S):
            writer.write(f"GET {asked} HTTP/1.0\r\nHost: {name}\r\nUser-Agent: aiot-doctor\r\n\r\n".encode())
            raw = await _read(reader)
        status, headers, body = _split(raw)
        if status != 200:
            said = " ".join(body[:_MAX_TEXT].decode(errors="replace").split())
            raise NoHttp(f"HTTP status {status} at {asked}" + (f" ({said})" if said.isprintable() and said else ""))
        return "", _read_health(body), _difference(headers.get("date", ""))
    except (OSError, TimeoutError, NoHttp, ValueError) as error:
        return reason_of(error), {}, None
    finally:
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the end, and no more than MAX_ANSWER."""
    raw = b""
    while part := await reader.read(MAX_ANSWER):
        raw += part
        if len(raw) > MAX_ANSWER:
            raise NoHttp("its answer does not end")
    return raw


def _split(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if not first.startswith("HTTP/1.") or len(words) < 2 or not words[1].isdecimal() or len(words[1]) != 3:
        raise NoHttp("it does not speak HTTP" if raw else "it hangs up without a word")
    pairs = (line.partition(":") for line in lines)
    return int(words[1]), {name.lower(): value.strip() for name, _, value in pairs}, body


def _read_health(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("version"), str):
        raise NoHttp("its /health is another's")
    return {
        name: value[:_MAX_TEXT] if isinstance(value, str) else value
        for name in _HEALTH
        if isinstance(value := found.get(name), str | int)
    }


def _difference(date: str) -> float | None:
    try:
        # It tells whole seconds that have passed: on average it is half a second later.
        return parsedate_to_datetime(date).timestamp() + 0.5 - time.time()
    except (ValueError, TypeError, OverflowError):
        return None


async def _shake_hands(place: Place, tls: ssl.SSLContext | None, keys: Keys | None) -> dict[str, Handshake]:
    if keys is None or keys.trusted_broker is None:
        return {}
    names = sorted(keys.gateways)[:MAX_GATEWAYS]
    tried: list[tuple[str, PrivateKey | None]] = [(name, keys.gateways[name]) for name in names] or [("", None)]
    found = await asyncio.gather(*(_shake(place.url, tls, name, key, keys.trusted_broker) for name, key in tried))
    return {name: handshake for (name, _), handshake in zip(tried, found, strict=True)}


async def _shake(
    url: str, tls: ssl.SSLContext | None, name: str, key: PrivateKey | None, trusted: PublicKey
) -> Handshake:
    """Hello, auth, welcome, for one gateway; without a key only the hello is looked at."""
    claimed = ""
    connection = None
    try:
        async with asyncio.timeout(STEP_S):
            connection = await dial(BrokerAddress(url, tls, _TIMES))
            said = text_of(await connection.recv())
            hello = handshake.read_hello(said)
            claimed = hello.broker
            if claimed != str(trusted):
                return Handshake("stranger", claimed)
            if key is None or CHECK not in hello.features:
                return Handshake("claimed", claimed)
            answer = handshake.answer_hello(
                said,
                key=key,
                name=name,
                broker=trusted,
                nonce=secrets.token_bytes(handshake.NONCE_BYTES),
                epoch=secrets.token_hex(8),
                check=True,
            )
            await connection.send(answer.auth)
            handshake.read_welcome(answer, text_of(await connection.recv()))
            return Handshake("proved", claimed)
    except ConnectionClosed as closed:
        code = closed.rcvd.code if closed.rcvd is not None else None
        if claimed and code == handshake.CLOSE_NOT_AUTHENTICATED:
            return Handshake("not admitted", claimed)
        return Handshake("none", claimed, f"it hangs up ({code or 'without a word'})")
    except (LinkLost, WireError, OSError, TimeoutError, ValueError) as error:
        return Handshake("none", claimed, reason_of(error))
    finally:
        if connection is not None:
            with contextlib.suppress(Exception):
                connection.transport.abort()
