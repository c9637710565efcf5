# SPDX-License-Identifier: BSD-3-Clause
"""JSON of the gateway link, strictly (PROTOCOL.md section 3.3): the one place where it is read or written.

Refused with Malformed: what is not UTF-8, duplicate keys, NaN and infinities, nesting deeper than 16, integers
from 2**53 on, lone surrogates, and whatever is not one of the types of ``messages``.

msgspec reads the bytes straight into the types and refuses all of that but duplicate keys, depth and large
integers inside ``data``. Those are looked for afterwards: :func:`check_value`, :func:`_check_keys`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from math import isfinite
from typing import TypeVar

import msgspec
from msgspec import UNSET

from pyaiot.wire.errors import Malformed
from pyaiot.wire.messages import (
    JSON,
    About,
    Auth,
    BrokerFrame,
    Described,
    GatewayFrame,
    Hello,
    Pace,
    Seen,
    Update,
    Welcome,
    Write,
)

MAX_DEPTH = 16
#: How deep ``data`` may be nested itself, so that every message that carries it keeps to MAX_DEPTH.
MAX_VALUE_DEPTH = 12
MAX_INTEGER = 2**53
#: No integer below MAX_INTEGER takes more (JSON has no leading zeros); reading longer ones is dear.
MAX_INTEGER_CHARACTERS = 17
#: The longest message of a gateway, in bytes (PROTOCOL.md section 3.3).
MAX_FRAME_BYTES = 65_536

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_gateway_frames = msgspec.json.Decoder(GatewayFrame)
_broker_frames = msgspec.json.Decoder(BrokerFrame)
# One decoder for the three: that of a single type would take it without its "type", too.
_handshake: msgspec.json.Decoder[Hello | Auth | Welcome] = msgspec.json.Decoder(Hello | Auth | Welcome)

encode = _encoder.encode


def encode_gateway_frame(first: int, messages: Iterable[bytes]) -> bytes:
    """A gateway's frame from messages that are encoded already (the outbox keeps them so)."""
    return b'{"first":%d,"messages":[%b]}' % (first, b",".join(messages))


def encode_described(uid: str, resource: str, about: bytes) -> bytes:
    """The message ``about``, of an About that is encoded already (a gateway keeps them so)."""
    return encode(Described(uid=uid, resource=resource, about=msgspec.Raw(about)))  # type: ignore[arg-type]


def decode_gateway_frame(raw: bytes) -> GatewayFrame:
    """Read a frame that a gateway sent; raises Malformed."""
    frame = _decode(_gateway_frames, raw)
    keys = 2
    for message in frame.messages:
        kind = type(message)
        if kind is Update:
            # What check_value says of most values, written out: one of the hottest lines of the broker.
            keys += 6 if message.unit is UNSET else 7  # type: ignore[union-attr]
            data, value = message.data, message.value  # type: ignore[union-attr]
            kind = type(data)
            if kind not in _PLAIN and not (kind is int and -MAX_INTEGER < data < MAX_INTEGER):
                keys += check_value(data)
            kind = type(value)
            if kind not in _PLAIN and not (kind is int and -MAX_INTEGER < value < MAX_INTEGER):
                keys += check_value(value)
        elif kind is Seen:
            keys += 3
        elif kind is Described:
            keys += 4 + _check_about(message.about)  # type: ignore[union-attr]
        elif kind is Pace:
            keys += 2 + (message.timeout_ms is not None) + (message.interval_ms is not None)  # type: ignore[union-attr]
        else:
            keys += 1 + sum(getattr(message, name) is not UNSET for name in kind.__struct_fields__)
    _check_keys(raw, keys)
    return frame


def decode_broker_frame(raw: bytes) -> BrokerFrame:
    """Read a frame that the broker sent; raises Malformed."""
    frame = _decode(_broker_frames, raw)
    for message in frame.messages:
        if isinstance(message, Write):
            check_value(message.data)
    _check_keys(raw)
    return frame


def decode_hello(raw: bytes) -> Hello:
    """Read the broker's hello; raises Malformed."""
    return _expect(Hello, raw)


def decode_auth(raw: bytes) -> Auth:
    """Read a gateway's auth; raises Malformed."""
    return _expect(Auth, raw)


def decode_welcome(raw: bytes) -> Welcome:
    """Read the broker's welcome; raises Malformed."""
    return _expect(Welcome, raw)


def _expect(kind: type[T], raw: bytes) -> T:
    message = decode(_handshake, raw)
    if not isinstance(message, kind):
        raise Malformed("another message of the handshake is expected")
    return message


def decode(
    decoder: msgspec.json.Decoder[T],
    raw: bytes,
    keys_of: Callable[[T], int] | None = None,
    max_depth: int = MAX_DEPTH,
) -> T:
    """Read one small message by the rules of this module; raises Malformed.

    For other links than the gateways' that carry JSON by the same rules; a field of type JSON must still
    be given to :func:`check_value`. ``keys_of`` says how many keys a message has, as far as its type knows them:
    it spares most messages a second reading.
    """
    message = _decode(decoder, raw)
    _check_keys(raw, None if keys_of is None else keys_of(message), max_depth)
    return message


def check_value(value: JSON, depth: int = MAX_VALUE_DEPTH) -> int:
    """The number of keys in ``value``, which is made of JSON's types and nests at most ``depth`` deep.

    Raises Malformed: nested deeper, an integer from 2**53 on, a float that is not finite.
    """
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return 0
    if kind is int:
        if -MAX_INTEGER < value < MAX_INTEGER:
            return 0
        raise Malformed("an integer is too large")
    if kind is float:
        if isfinite(value):
            return 0
        raise Malformed("a number is not finite")
    if depth == 0:
        raise Malformed("nested too deep")
    if kind is dict:
        return len(value) + sum(check_value(item, depth - 1) for item in value.values())
    if kind is list:
        return sum(check_value(item, depth - 1) for item in value)
    raise Malformed("not a JSON value")


def _check_about(about: About) -> int:
    """How many members it has, those that say null apart; raises Malformed for a number that is too large."""
    for choice in about.choices or ():
        check_value(choice)
    return sum(getattr(about, name) is not None for name in About.__struct_fields__)


def _decode(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        raise Malformed(_without_quotes(str(error))) from None
    except (msgspec.DecodeError, UnicodeError):
        raise Malformed("not JSON") from None
    except RecursionError:
        raise Malformed("nested too deep") from None


def _without_quotes(reason: str) -> str:
    """What msgspec found wrong, without the peer's own words: it quotes values, and keys that it does not know."""
    return re.sub(r"'.*'|\".*\"|(?<=unknown field )`.*`", "…", reason, flags=re.DOTALL)[:120]


def _check_keys(raw: bytes, keys: int | None = None, max_depth: int = MAX_DEPTH) -> None:
    """Raise Malformed when an object in ``raw``, which msgspec took, has a key twice.

    ``keys`` is how many keys the decoded message has. Each key has a colon, so if there are no more colons than
    that, no key was swallowed: the cheapest proof, for frames without a colon in a text. Or if each ``":`` of the
    text belongs to a key, and no blank separates a quote from a colon: the cheap proof, which frames of our own
    encoder pass. Otherwise the text is read again, in full.
    """
    if keys is not None:
        if raw.count(b":") == keys:
            return
        if _count_keys(raw, keys) == keys and not _blank_after_quote(raw):
            return
    try:
        # From text: given bytes, json guesses the encoding, and takes surrogates in UTF-8, which is not UTF-8.
        tree = json.loads(raw.decode(), object_pairs_hook=_unique, parse_int=_integer)
    except (ValueError, RecursionError):  # UnicodeError and JSONDecodeError are ValueErrors
        raise Malformed("not JSON") from None
    check_value(tree, max_depth)


def _count_keys(raw: bytes, expected: int) -> int:
    """How many keys ``raw`` may have: never fewer than it has, if no blank separates a quote from a colon."""
    found = raw.count(b'":')
    if found > expected and rb"\\" not in raw:
        # Values that are JSON in a text, as IMU readings are. With no \\ anywhere, a \" never ends a text.
        found -= raw.count(rb"\":")
    return found


def _blank_after_quote(raw: bytes) -> bool:
    return any(blank in raw and b'"' + blank in raw for blank in (b" ", b"\n", b"\t", b"\r"))


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise Malformed("a key stands twice in one object")
    return unique


def _integer(digits: str) -> int:
    return int(digits) if len(digits) <= MAX_INTEGER_CHARACTERS else MAX_INTEGER


_PLAIN = frozenset((str, float, bool, type(None)))
