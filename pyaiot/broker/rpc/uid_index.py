# SPDX-License-Identifier: BSD-3-Clause
"""All uids in order, for pages of nodes. Pure.

Kept in order only when somebody asks: nodes that came since are merged in then, those that left are passed over.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Container, Iterator, Mapping
from typing import Final

from pyaiot.broker.entries import Node

#: Newcomers that are remembered beside as many as there are already; with more, all is put in order anew.
MIN_NEWCOMERS: Final = 1_000
#: So many are put in place one by one; more are merged in.
FEW_NEWCOMERS: Final = 64


class UidIndex:
    """``nodes`` is the directory's, by uid."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = nodes
        self._ordered: list[str] = []
        self._newcomers: list[str] = []
        self._is_stale = False

    def arrived(self, uid: str) -> None:
        """A node is told to be there, perhaps once more."""
        if not self._is_stale:
            self._newcomers.append(uid)
            if len(self._newcomers) > len(self._ordered) + MIN_NEWCOMERS:
                self._is_stale = True
                self._ordered, self._newcomers = [], []

    def after(self, after: str, gateways: Container[str] | None = None) -> Iterator[str]:
        """The uids behind ``after``, in order; where ``gateways`` are given, only of their nodes.

        The directory may not change before the last was taken.
        """
        ordered = self._in_order()
        place = bisect_right(ordered, after)
        while place < len(ordered):
            uid = ordered[place]
            gateway = uid.partition("/")[0]
            if gateways is not None and gateway not in gateways:
                place = bisect_left(ordered, gateway + "0", place)  # "0" comes right after "/"
                continue
            if uid in self._nodes:
                yield uid
            place += 1

    def _in_order(self) -> list[str]:
        if self._is_stale or len(self._ordered) > 2 * len(self._nodes) + MIN_NEWCOMERS:
            self._ordered = sorted(self._nodes)
            self._is_stale = False
        elif len(self._newcomers) <= FEW_NEWCOMERS:
            for uid in self._newcomers:
                place = bisect_left(self._ordered, uid)
                if self._ordered[place : place + 1] != [uid]:
                    self._ordered.insert(place, uid)
        else:
            # Two runs, which sort merges in one pass.
            self._ordered += sorted(self._newcomers)
            self._ordered.sort()
            self._ordered = list(dict.fromkeys(self._ordered))
        self._newcomers = []
        return self._ordered
