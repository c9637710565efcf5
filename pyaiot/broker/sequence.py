# SPDX-License-Identifier: BSD-3-Clause
"""The writes of one actuation, a few at a time: a gateway takes no more at once for one node. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeAlias

from pyaiot.broker.actuations import PlannedWrite
from pyaiot.broker.writes import Outcome, Tell

#: Writes of one actuation that are under way at once.
WINDOW: Final = 4

Begin: TypeAlias = Callable[[PlannedWrite, Tell], None]


class WriteSequence:
    """Has ``begin`` do each of ``writes``, in their order, and calls ``done`` once with all their outcomes.

    ``is_late``: whether it is too late to begin with another; those that are left have expired.
    """

    def __init__(
        self,
        writes: Sequence[PlannedWrite],
        *,
        begin: Begin,
        is_late: Callable[[], bool],
        done: Callable[[tuple[Outcome, ...]], None],
    ) -> None:
        self._writes = writes
        self._begin = begin
        self._is_late = is_late
        self._done = done
        self._outcomes: dict[int, Outcome] = {}
        self._begun = 0
        self._beginning = False

    def start(self) -> None:
        """Begin. All may be over when this returns."""
        self._go_on()

    def _go_on(self) -> None:
        if self._beginning:
            return  # an outcome came at once: the loop below goes on
        self._beginning = True
        while self._begun < len(self._writes) and self._begun - len(self._outcomes) < WINDOW:
            number = self._begun
            self._begun += 1
            if self._is_late():
                self._outcomes[number] = Outcome("expired", "its turn did not come in time: it was not tried")
            else:
                self._begin(self._writes[number], partial(self._told, number))
        self._beginning = False
        if len(self._outcomes) == len(self._writes):
            self._done(tuple(self._outcomes[number] for number in range(len(self._writes))))

    def _told(self, number: int, outcome: Outcome) -> None:
        self._outcomes[number] = outcome
        self._go_on()
