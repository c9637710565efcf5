# SPDX-License-Identifier: BSD-3-Clause
"""Who is next: hosts take turns, and the nodes of one host wait in a line of their own.

Anybody can send three thousand ``alive`` with names made up; a device elsewhere does not wait behind them.
"""

from __future__ import annotations

from collections import Counter


class Turns:
    """Uids that wait, each at one host: an address, or "" where that is not known.

    :meth:`take` one, and say when it is :meth:`done`. Of one known host ``most_of_a_host`` are taken at once.
    """

    def __init__(self, most_of_a_host: int) -> None:
        self._most_of_a_host = most_of_a_host
        self._taken: dict[str, str] = {}
        self._taken_of: Counter[str] = Counter()
        self._lines: dict[str, dict[str, None]] = {}  # in the order of their turns
        self._host_of: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._host_of)

    def add(self, uid: str, host: str) -> None:
        """``uid`` waits at the end of the line of ``host``; one that waits there already keeps its place."""
        if self._host_of.get(uid) != host:
            self.discard(uid)
            self._host_of[uid] = host
            self._lines.setdefault(host, {})[uid] = None

    def discard(self, uid: str) -> None:
        """``uid`` waits no more; unknown ones are ignored."""
        host = self._host_of.pop(uid, None)
        if host is not None:
            line = self._lines[host]
            del line[uid]
            if not line:
                del self._lines[host]

    def take(self) -> str | None:
        """The next uid, which then waits no more; None if there is none. One that is taken may wait again meanwhile."""
        for host, line in self._lines.items():
            if host and self._taken_of[host] >= self._most_of_a_host:
                continue
            for uid in line:
                if uid not in self._taken:
                    self.discard(uid)
                    self._taken[uid] = host
                    self._taken_of[host] += 1
                    if host in self._lines:
                        self._lines[host] = self._lines.pop(host)
                    return uid
        return None

    def done(self, uid: str) -> None:
        """``uid``, which was taken, may be taken again."""
        host = self._taken.pop(uid)
        self._taken_of[host] -= 1
        if not self._taken_of[host]:
            del self._taken_of[host]

    def clear(self) -> None:
        """Nobody waits any more."""
        self._lines.clear()
        self._host_of.clear()
