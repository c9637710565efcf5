# SPDX-License-Identifier: BSD-3-Clause
"""Calls under way from one connection to another. Pure: ``now`` comes in, in seconds.

Each ends exactly once: with an answer, the callee's error, ``timeout``, ``left`` (the callee did), or in silence when
the caller is gone.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable
from typing import Any, Final

import msgspec

from pyaiot.rpc.errors import RpcError

#: Calls under way: of one caller, to one callee, in all.
MAX_PER_CALLER: Final = 1_024
MAX_PER_CALLEE: Final = 1_024
MAX_CALLS: Final = 16_384
#: Deadlines of calls that are over are swept out once they are more than the others, and more than this.
MIN_SWEEP: Final = 1_024

#: The result as JSON, or why there is none.
Ending = msgspec.Raw | RpcError
Tell = Callable[[Any], None]  # Callable[[Ending], None]


class Call:
    """One call. ``tell`` is None once it has ended."""

    __slots__ = ("callee", "caller", "deadline", "tell")

    def __init__(self, caller: Hashable, callee: Hashable, deadline: float, tell: Tell) -> None:
        self.caller = caller
        self.callee = callee
        self.deadline = deadline
        self.tell: Tell | None = tell


class Calls:
    """All calls of a broker, by caller and by callee."""

    def __init__(self) -> None:
        self._of: dict[Hashable, dict[Call, None]] = {}
        self._to: dict[Hashable, dict[Call, None]] = {}
        self._deadlines: list[tuple[float, int, Call]] = []
        self._count = 0
        self._begun = 0
        #: How calls ended, since the start: ``ok``, ``error``, ``timeout``, ``left``, ``caller_left``, ``busy``.
        self.endings = dict.fromkeys(("ok", "error", "timeout", "left", "caller_left", "busy"), 0)

    def __len__(self) -> int:
        return self._count

    @property
    def is_empty(self) -> bool:
        """Whether nothing at all is kept, but deadlines that are swept out in time."""
        return not (self._count or self._of or self._to)

    def begin(self, caller: Hashable, callee: Hashable, now: float, timeout_s: float, tell: Tell) -> Call:
        """A call begins; ``tell`` is called once with how it ends, or never if ``caller`` leaves.

        Raises RpcError ``busy``.
        """
        of, to = self._of.get(caller), self._to.get(callee)
        if self._count >= MAX_CALLS:
            raise self._busy("too many calls are under way at this broker")
        if of is not None and len(of) >= MAX_PER_CALLER:
            raise self._busy(f"more than {MAX_PER_CALLER} of your calls are under way")
        if to is not None and len(to) >= MAX_PER_CALLEE:
            raise self._busy(f"more than {MAX_PER_CALLEE} calls to this entity are under way")
        call = Call(caller, callee, now + timeout_s, tell)
        if of is None:
            of = self._of[caller] = {}
        if to is None:
            to = self._to[callee] = {}
        of[call] = to[call] = None
        self._count += 1
        self._begun += 1
        heapq.heappush(self._deadlines, (call.deadline, self._begun, call))
        return call

    def end(self, call: Call, ending: Any) -> None:
        """The callee answered; what comes after the end changes nothing."""
        if call.tell is not None:
            name = ending.name if isinstance(ending, RpcError) else None
            label = "ok" if not isinstance(ending, RpcError) else name if name in ("timeout", "left") else "error"
            self._end(call, label, ending)

    def callee_left(self, callee: Hashable) -> None:
        """All calls to ``callee`` end."""
        for call in list(self._to.get(callee, ())):
            self._end(call, "left", RpcError.of("left", "who was called left before it answered"))

    def caller_left(self, caller: Hashable) -> None:
        """Nobody waits for the calls of ``caller`` any more."""
        for call in list(self._of.get(caller, ())):
            self._end(call, "caller_left", None)

    def next_deadline(self) -> float | None:
        """When :meth:`expire` has something to do."""
        while self._deadlines and self._deadlines[0][2].tell is None:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def expire(self, now: float) -> None:
        """Calls that were not answered in time have ended."""
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, _, call = heapq.heappop(self._deadlines)
            self._end(call, "timeout", RpcError.of("timeout", "no answer in time: whether it was done is not known"))

    def _end(self, call: Call, label: str, ending: Any) -> None:
        tell, call.tell = call.tell, None
        if tell is None:
            return  # what an earlier ending led to was the end of this one, too
        self._drop(self._of, call.caller, call)
        self._drop(self._to, call.callee, call)
        self._count -= 1
        self.endings[label] += 1
        if len(self._deadlines) > MIN_SWEEP and len(self._deadlines) > 2 * self._count:
            self._deadlines = [entry for entry in self._deadlines if entry[2].tell is not None]
            heapq.heapify(self._deadlines)
        if label != "caller_left":
            tell(ending)

    def _drop(self, table: dict[Hashable, dict[Call, None]], key: Hashable, call: Call) -> None:
        calls = table[key]
        del calls[call]
        if not calls:
            del table[key]

    def _busy(self, why: str) -> RpcError:
        self.endings["busy"] += 1
        return RpcError.of("busy", why)
