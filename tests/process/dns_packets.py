# SPDX-License-Identifier: BSD-3-Clause
"""DNS messages made by hand (RFC 1035 section 4): what others of a network may send, well-meaning or not."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable

MDNS = ("224.0.0.251", 5353)
_A, _PTR, _TXT, _SRV = 1, 12, 16, 33
_IN, _FLUSH = 1, 0x8001


def name(text: str) -> bytes:
    """A name, its labels separated by dots."""
    labels = [label.encode() for label in text.strip(".").split(".")]
    return b"".join(bytes((len(label),)) + label for label in labels) + b"\0"


def response(records: Iterable[bytes]) -> bytes:
    """An authoritative answer to nobody's question, as mDNS has them."""
    made = list(records)
    return struct.pack("!6H", 0, 0x8400, 0, len(made), 0, 0) + b"".join(made)


def service(instance: str, type_: str, *, port: int, address: str, txt: bytes) -> list[bytes]:
    """The records of one service."""
    full, host = f"{instance}.{type_}", f"{instance}.local"
    return [
        _record(type_, _PTR, _IN, name(full)),
        _record(full, _SRV, _FLUSH, struct.pack("!3H", 0, 0, port) + name(host)),
        _record(full, _TXT, _FLUSH, txt),
        _record(host, _A, _FLUSH, socket.inet_aton(address)),
    ]


def text(*strings: bytes) -> bytes:
    """The data of a TXT record."""
    return b"".join(bytes((len(each),)) + each for each in strings)


def _record(owner: str, type_: int, class_: int, data: bytes) -> bytes:
    return name(owner) + struct.pack("!HHIH", type_, class_, 4_500, len(data)) + data
