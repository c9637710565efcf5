# SPDX-License-Identifier: BSD-3-Clause
"""Writes that wait for their device to fetch them (PROTOCOL.md section 1.4). Pure: ``now`` is monotonic seconds.

A command is handed out at most once; whoever gave it in takes it out again when its time is over. How many there are
is bounded by the core (``gateway/writes.py``: 16 a node), and so is how long they live.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyaiot.wire.messages import JSON


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """Write ``data`` to ``resource``. ``handed_out`` is called when the device has fetched it."""

    id: int
    resource: str
    data: JSON
    handed_out: Callable[[], None]


@dataclass(slots=True, eq=False)
class Poll:
    """A request that waits for commands. ``wake`` is called when there is one, or when it is ``over``."""

    wake: Callable[[], None]
    over: bool = False

    def end(self) -> None:
        """It waits no more, and gets nothing."""
        self.over = True
        self.wake()

    def revoked(self, why: str) -> None:
        """Its token is good no longer (see grants.Holder)."""
        self.end()


@dataclass(slots=True)
class _Box:
    commands: list[Command] = field(default_factory=list)
    poll: Poll | None = None
    asked_at: float | None = None
    handed_out_at: float | None = None


class Commands:
    """The commands of all nodes of one adapter."""

    def __init__(self) -> None:
        self._boxes: dict[str, _Box] = {}

    def __len__(self) -> int:
        return sum(len(box.commands) for box in self._boxes.values())

    def asked_at(self, uid: str) -> float | None:
        """When the device last asked for commands, or ended to wait for some; None: never."""
        box = self._boxes.get(uid)
        return None if box is None else box.asked_at

    def handed_out_at(self, uid: str) -> float | None:
        """When the device was last given a command; None: never."""
        box = self._boxes.get(uid)
        return None if box is None else box.handed_out_at

    @contextmanager
    def waiting(self, uid: str, command: Command) -> Iterator[None]:
        """``command`` can be fetched inside this ``with``. The device has asked for commands before."""
        box = self._boxes[uid]
        box.commands.append(command)
        if box.poll is not None:
            box.poll.wake()
        try:
            yield
        finally:
            if command in box.commands:
                box.commands.remove(command)

    def take(self, uid: str, now: float) -> list[Command]:
        """The device asks: all that is waiting for it, oldest first; it is handed out by that."""
        box = self._boxes.setdefault(uid, _Box())
        box.asked_at = now
        taken, box.commands = box.commands, []
        if taken:
            box.handed_out_at = now
        for command in taken:
            command.handed_out()
        return taken

    def begin(self, uid: str, poll: Poll) -> bool:
        """``poll`` waits for commands of ``uid``, whose :meth:`take` came before; whether an earlier one had to end."""
        box = self._boxes[uid]
        earlier, box.poll = box.poll, poll
        if earlier is not None:
            earlier.end()
        return earlier is not None

    def end(self, uid: str, poll: Poll, now: float) -> None:
        """``poll`` waits no more."""
        box = self._boxes.get(uid)
        if box is not None and box.poll is poll:
            box.poll = None
            box.asked_at = now

    def forget(self, uid: str) -> None:
        """The node is out: nothing waits for it any more, nor does it."""
        box = self._boxes.pop(uid, None)
        if box is not None and box.poll is not None:
            box.poll.end()

    def close(self) -> None:
        """Nobody waits any more."""
        for uid in list(self._boxes):
            self.forget(uid)
