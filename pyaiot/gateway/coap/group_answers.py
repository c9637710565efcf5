# SPDX-License-Identifier: BSD-3-Clause
"""Which requests to a group are answered, and when (RFC 7252 section 8.2). Pure.

Only ``GET /.well-known/core``, non-confirmable; everything else to a group is silence, errors too. The time of the
answer is left to chance, so that those of a whole group do not come at once; and there are only so many of them, so
that nobody can have us flood an address that is not its own.
"""

from __future__ import annotations

import ipaddress
from typing import Final

from pyaiot.addresses import group_of

#: All CoAP Nodes (RFC 7252 section 12.8): IPv4; IPv6 of the link, and of the site.
GROUP_IPV4: Final = "224.0.1.187"
GROUPS_IPV6: Final = ("ff02::fd", "ff05::fd")
#: As they stand in a struct in6_pktinfo.
PACKED_GROUPS: Final = frozenset(
    ipaddress.IPv6Address(group).packed for group in (f"::ffff:{GROUP_IPV4}", *GROUPS_IPV6)
)
#: What the leisure is made of (section 8.2): how many we think to be in a group, and how many bytes a second their
#: network bears; both for one of constrained devices. Without any idea the RFC would have 5 s.
GROUP_SIZE: Final = 16
BYTES_PER_S: Final = 1_000.0
MAX_LEISURE_S: Final = 5.0
#: A longer request is none that we answer.
MAX_REQUEST: Final = 256
#: Answers a second to one source (IPv6: to one /64), and how many of them at once; the same to all together.
SOURCE_PER_S, SOURCE_BURST = 0.5, 4.0
ALL_PER_S, ALL_BURST = 8.0, 32.0
#: Sources that are remembered.
MAX_SOURCES: Final = 256

_NON, _GET = 1, 1


def leisure_s(answer_bytes: int, chance: float) -> float:
    """How long to wait with an answer; ``chance`` is from 0 to 1."""
    return chance * min(MAX_LEISURE_S, answer_bytes * GROUP_SIZE / BYTES_PER_S)


def is_question(datagram: bytes) -> bool:
    """Whether a CoAP message is short, non-confirmable and a GET: nothing else is for groups."""
    return 4 <= len(datagram) <= MAX_REQUEST and datagram[0] >> 4 & 3 == _NON and datagram[1] == _GET


class Allowance:
    """A bucket of answers for each source, and one for all."""

    def __init__(self) -> None:
        self._all = (ALL_BURST, 0.0)
        self._sources: dict[str, tuple[float, float]] = {}

    def take(self, source: str, now: float) -> bool:
        """Whether ``source`` (an address) may have an answer now; ``now`` is in seconds on a clock that never steps."""
        group = group_of(source)
        left, at = self._sources.pop(group, (SOURCE_BURST, now))
        left = min(SOURCE_BURST, left + (now - at) * SOURCE_PER_S)
        total = min(ALL_BURST, self._all[0] + (now - self._all[1]) * ALL_PER_S)
        granted = left >= 1 and total >= 1
        self._all = (total - granted, now)
        self._sources[group] = (left - granted, now)
        if len(self._sources) > MAX_SOURCES:
            # The one that was silent longest; who comes back as new has at most a burst, of which all have a bound.
            del self._sources[next(iter(self._sources))]
        return granted
