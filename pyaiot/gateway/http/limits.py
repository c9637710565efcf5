# SPDX-License-Identifier: BSD-3-Clause
"""What the requests of one server may take up at once (PROTOCOL.md section 1.4). Pure.

A body costs memory from its first byte until it has been answered, however slowly it comes. A small one always goes
through: there are only so many connections. Of the larger ones there are so many bytes in all, and of one address;
where that is not enough the one gives way that has been there longest, so that whoever sends a body quickly is not
disturbed by those who do not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

#: So much of a body is never in anybody's way, in bytes.
SMALL_BYTES: Final = 2_048
#: Bytes of bodies beyond that, in all, and of one address (IPv6: one /64) that is not this host's own.
MAX_BYTES: Final = 16_777_216
MAX_BYTES_PER_ADDRESS: Final = 2_097_152
#: What is kept of a body in one piece, in bytes.
PIECE_BYTES: Final = 8_192
#: Requests of one device that are not answered yet.
MAX_REQUESTS_PER_DEVICE: Final = 8


class Pieces:
    """What has come of a body, in pieces of about one size: so what one leaves free in memory is of use to the next."""

    __slots__ = ("_pieces", "size")

    def __init__(self) -> None:
        self._pieces: list[bytearray] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """The next bytes."""
        self.size += len(chunk)
        if self._pieces and len(self._pieces[-1]) + len(chunk) <= PIECE_BYTES:
            self._pieces[-1] += chunk
        else:
            self._pieces.append(bytearray(chunk))

    def clear(self) -> None:
        """Forget them."""
        self._pieces.clear()
        self.size = 0

    def joined(self) -> bytes:
        """All that has come."""
        return b"".join(self._pieces)


@dataclass(slots=True, eq=False)
class Body:
    """A body that has not been answered. ``group`` is whose it is (addresses.group_of); None: there is no bound."""

    group: str | None
    #: Called when it has to go; it counts no more then.
    give_way: Callable[[], None]
    #: What it counts, in bytes.
    counted: int = 0


class Bodies:
    """All bodies of one server that count something, the one first that has done so for longest."""

    def __init__(self) -> None:
        self._bodies: dict[Body, None] = {}
        self._groups: dict[str, dict[Body, None]] = {}
        self._bytes: Counter[str] = Counter()
        #: Bytes that count.
        self.total = 0

    def __len__(self) -> int:
        return len(self._bodies)

    def grown(self, body: Body, size: int) -> bool:
        """``body`` has ``size`` bytes now. Others give way where there is no room; false: it has itself."""
        more = size - SMALL_BYTES - body.counted
        if more <= 0:
            return True
        group = body.group
        self._bodies.setdefault(body)
        if group is not None:
            self._groups.setdefault(group, {}).setdefault(body)
            while self._bytes[group] + more > MAX_BYTES_PER_ADDRESS:
                if self._oust(self._groups[group]) is body:
                    return False
        while self.total + more > MAX_BYTES:
            if self._oust(self._bodies) is body:
                return False
        body.counted += more
        self.total += more
        if group is not None:
            self._bytes[group] += more
        return True

    def end(self, body: Body) -> None:
        """``body`` has been answered, or its sender has gone."""
        if body not in self._bodies:
            return
        del self._bodies[body]
        self.total -= body.counted
        if body.group is not None:
            of_group = self._groups[body.group]
            del of_group[body]
            self._bytes[body.group] -= body.counted
            if not of_group:
                del self._groups[body.group], self._bytes[body.group]
        body.counted = 0

    def _oust(self, bodies: dict[Body, None]) -> Body:
        """The one of ``bodies`` that has been there longest gives way."""
        oldest = next(iter(bodies))
        self.end(oldest)
        oldest.give_way()
        return oldest


class Requests:
    """How many requests of each device are not answered yet."""

    def __init__(self) -> None:
        self._devices: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._devices.total()

    def begin(self, uid: str) -> bool:
        """One more of ``uid``; false: there are enough, and this one does not count."""
        if self._devices[uid] >= MAX_REQUESTS_PER_DEVICE:
            return False
        self._devices[uid] += 1
        return True

    def end(self, uid: str) -> None:
        """One that had begun has been answered, or its sender has gone."""
        self._devices[uid] -= 1
        if not self._devices[uid]:
            del self._devices[uid]
