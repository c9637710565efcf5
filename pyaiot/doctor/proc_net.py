# SPDX-License-Identifier: BSD-3-Clause
"""What Linux tells of processes and sockets in /proc (proc(5)), as text, to what it means. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pyaiot.doctor.subjects import ROLES, UP, Transport

#: States of sockets that take what comes: TCP_LISTEN, and the one of UDP (net/tcp_states.h).
_LISTENS: Final[dict[Transport, str]] = {"TCP": "0A", "UDP": "07"}
#: Where in a command line the program may stand: behind the interpreter and a few options of it.
_FIRST_WORDS: Final = 6


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that listens: ``command`` and ``pid`` are None where we may not see them."""

    transport: Transport
    address: str
    port: int
    inode: int
    uid: int
    pid: int | None = None
    command: str | None = None


def listening(table: str, transport: Transport, *, little_endian: bool) -> Iterator[Listening]:
    """The sockets of ``/proc/net/tcp`` and its like; a line that makes no sense is left out."""
    for line in table.splitlines()[1:]:
        words = line.split()
        if len(words) < 10 or words[3] != _LISTENS[transport]:
            continue
        try:
            raw, port = words[1].split(":")
            address, uid, inode = _address(bytes.fromhex(raw), little_endian), int(words[7]), int(words[9])
            yield Listening(transport, address, int(port, 16), inode, uid)
        except ValueError:
            continue


def service_of(command_line: Sequence[str], interpreter: str) -> tuple[str, list[str]] | None:
    """Which of our services a process is, and its arguments; None: another program.

    ``interpreter`` is the name of the file that runs, which tells a service from an editor that has its file open.
    """
    if not interpreter.startswith("python"):
        return None
    for place, word in enumerate(command_line[:_FIRST_WORDS]):
        name = word.rpartition("/")[2]
        if name in ROLES:
            return name, list(command_line[place + 1 :])
        if name == "aiot" and command_line[place + 1 : place + 2] == ["up"]:
            return UP, list(command_line[place + 2 :])
    return None


def overlaps(wanted: str, taken: str) -> bool:
    """Whether who listens on the address ``taken`` is in the way of who wants ``wanted``."""
    one, other = _parsed(wanted), _parsed(taken)
    if one is None or other is None:
        return False
    if one == other:
        return True
    for every, each in ((one, other), (other, one)):
        # Sockets on :: may be for IPv4, too.
        if every.is_unspecified and (every.version == 6 or each.version == 4):
            return True
    return False


def _address(raw: bytes, little_endian: bool) -> str:
    """The kernel prints 32-bit words in the byte order of the machine."""
    words = [raw[at : at + 4] for at in range(0, len(raw), 4)]
    straight = b"".join(word[::-1] if little_endian else word for word in words)
    found = ipaddress.ip_address(straight)
    return str(getattr(found, "ipv4_mapped", None) or found)


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
