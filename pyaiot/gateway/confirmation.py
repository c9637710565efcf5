# SPDX-License-Identifier: BSD-3-Clause
"""Whether a write has become true: what the device says of the resource afterwards (PROTOCOL.md section 1.2).

For protocols in which a device does not answer a write but reports the new value itself. Pure: the adapter that
waits brings its own clock and its own way to be woken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import isclose
from typing import Final

import msgspec

from pyaiot.gateway.adapter import WriteFailed
from pyaiot.nodes.values import BadValue, read_value
from pyaiot.wire.messages import JSON

#: How long a device may take to report what was written to it, in seconds.
CONFIRM_S: Final = 5.0
#: How much of another value is quoted in a reason, in characters.
MAX_QUOTED = 80

_SWITCHES: Final = {"on": 1, "true": 1, "off": 0, "false": 0}
#: What a device with single-precision numbers (RFC 8949 section 3.3) may lose of a fraction.
_RELATIVE = 1e-6


class Expectation:
    """A write that waits for the device's own word. ``told`` is called once, when that is what was written."""

    __slots__ = ("confirmed", "data", "other", "resource", "told")

    def __init__(self, resource: str, data: JSON, told: Callable[[], None]) -> None:
        self.resource = resource
        self.data = data
        self.told = told
        self.confirmed = False
        #: The last other value that the device reported, as a tuple of one; None: it reported nothing.
        self.other: tuple[JSON] | None = None

    def failure(self) -> WriteFailed:
        """What it means that the time is over and nothing was confirmed."""
        if self.other is None:
            return WriteFailed("timeout", f"the device did not report {self.resource} within {CONFIRM_S:g} s")
        return WriteFailed("refused", f"the device reports {_quoted(self.other[0])} instead")


class Confirmations:
    """The writes of one adapter that wait. How many there are is bounded by the core, which asks for them."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[Expectation]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def __bool__(self) -> bool:
        return bool(self._waiting)

    @contextmanager
    def expecting(self, uid: str, resource: str, data: JSON, told: Callable[[], None]) -> Iterator[Expectation]:
        """Expect the device ``uid`` to report ``data`` for ``resource``. To be entered before the write is sent.

        ``told`` is called, once, as soon as it does. Whoever waits leaves after CONFIRM_S at the latest.
        """
        expectation = Expectation(resource, data, told)
        key = uid, resource
        self._waiting.setdefault(key, []).append(expectation)
        try:
            yield expectation
        finally:
            waiting = self._waiting[key]
            waiting.remove(expectation)
            if not waiting:
                del self._waiting[key]

    def reported(self, uid: str, resource: str, data: JSON) -> None:
        """The device reported a value of its own accord; call it for each, it costs next to nothing."""
        if not self._waiting:
            return
        for expectation in self._waiting.get((uid, resource), ()):
            if expectation.confirmed:
                continue
            if is_same(expectation.data, data, resource):
                expectation.confirmed = True
                expectation.told()
            else:
                expectation.other = (data,)


def is_same(written: JSON, reported: JSON, resource: str = "") -> bool:
    """Whether a device that reports ``reported`` has what was ``written`` to ``resource``.

    Text is read as in nodes.values: ``"21.0°C"`` is 21. ``"1"``, 1, ``true`` and ``"on"`` are the same, so are
    their opposites. Numbers are compared as numbers; of a fraction only single precision counts.
    """
    if written == reported and isinstance(written, bool) == isinstance(reported, bool):
        return True
    return _equal(_read(written, resource), _read(reported, resource))


def _read(data: JSON, resource: str) -> JSON:
    if isinstance(data, bool):
        return int(data)
    if isinstance(data, str):
        text = data.strip()
        switch = _SWITCHES.get(text.lower())
        data = text if switch is None else switch
    try:
        return read_value(data, resource=resource)[0]
    except BadValue:
        return data


def _equal(one: JSON, other: JSON) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        if isinstance(one, int) and isinstance(other, int):
            return one == other
        return isclose(one, other, rel_tol=_RELATIVE)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    return bool(one == other)


def _quoted(data: JSON) -> str:
    text = msgspec.json.encode(data).decode(errors="replace")
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 1]}…"
