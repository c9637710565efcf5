# SPDX-License-Identifier: BSD-3-Clause
"""What one kind of device does with its connection, and what it is given to do it with.

A connection speaks WebSocket and knows no device; a :class:`Session` speaks with one device and knows no socket. A
further kind of device (another path, another sub-protocol) costs a session. Pure: time and I/O are the connection's.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Protocol

from pyaiot.wire.messages import JSON


class Code(IntEnum):
    """Close codes of this gateway (RFC 6455 section 7.4.1; 1013 is registered at IANA)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    BAD_MESSAGE = 1003
    NOT_UTF8 = 1007
    NOT_ADMITTED = 1008
    FAULT = 1011
    TRY_AGAIN = 1013


class Rejected(Exception):
    """The connection is to be closed with ``code``; ``str()`` is the reason, fit to send to the device."""

    def __init__(self, code: Code, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Peer(Protocol):
    """The device's connection, as its session sees it."""

    #: The device's address, as people write it, without a zone.
    address: str

    def send(self, message: bytes) -> bool:
        """Send a text message (UTF-8); false: the connection is closing, or the device reads too slowly to have it."""
        ...

    def mark(self) -> int:
        """Send a ping of a number of its own: when that comes back, the device has all that was sent before it."""
        ...

    def close(self, code: Code, reason: str) -> None:
        """Close the connection; :meth:`Session.ended` is called before this returns."""
        ...


class Session(Protocol):
    """One device on one connection, from the upgrade to the end. Nothing here waits."""

    @property
    def settled(self) -> bool:
        """Whether the device has said who it is; one that does not in time is closed."""
        ...

    @property
    def hurried(self) -> bool:
        """Whether it has to say so at once, as it is nobody until then."""
        ...

    def late(self) -> Rejected:
        """It did not say so in time: what to close the connection with."""
        ...

    def opened(self) -> None:
        """The connection is open. Raises Rejected."""
        ...

    def received(self, message: bytes) -> int:
        """A text message came (not known to be UTF-8); how many updates it counts for, 1 at least. Raises Rejected."""
        ...

    def rejecting(self, why: Rejected) -> None:
        """A message came that is none, so that the connection is closed for ``why`` when this returns."""
        ...

    def alive(self, mark: int = 0) -> None:
        """The connection is proven to be alive; the device has all that was sent before ``mark`` (see Peer.mark)."""
        ...

    def write(self, resource: str, data: JSON, arrived: Callable[[], None]) -> bool:
        """Send a write to the device. Raises pyaiot.gateway.adapter.WriteFailed.

        True: the device will report the value that it then has. False: it will not; ``arrived`` is called when it
        has the write, which is all that can be known.
        """
        ...

    def discover(self) -> None:
        """Ask the device for all its values, unless it was asked when it connected."""
        ...

    def ask(self) -> None:
        """Ask the device for all its values now. Raises WriteFailed: this one cannot be asked; it is leaving."""
        ...

    def ended(self) -> None:
        """The connection is over, or closing: called once, whatever it ended of; nothing is called after it."""
        ...
