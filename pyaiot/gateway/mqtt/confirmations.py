# SPDX-License-Identifier: BSD-3-Clause
"""Writes that wait for their device to say that it has done so (PROTOCOL.md section 1.2). Pure: ``now`` is given in."""

from __future__ import annotations

from collections.abc import Callable

from pyaiot.gateway.mqtt.payloads import is_same
from pyaiot.wire.messages import JSON


class Expected:
    """One write that waits. ``others`` has the last value that the device reported instead, if it reported any."""

    __slots__ = ("began", "confirmed", "data", "key", "others")

    def __init__(self, key: tuple[str, str], data: JSON, began: float, confirmed: Callable[[], None]) -> None:
        self.key = key
        self.data = data
        self.began = began
        self.confirmed = confirmed
        self.others: list[JSON] = []


class Confirmations:
    """All writes that wait; false in a condition while there are none. As many as the gateway has under way."""

    def __init__(self) -> None:
        self._waiting: dict[tuple[str, str], list[Expected]] = {}

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def expect(self, uid: str, resource: str, data: JSON, now: float, confirmed: Callable[[], None]) -> Expected:
        """From ``now`` on (seconds), have ``confirmed`` called once when the device reports ``data``."""
        expected = Expected((uid, resource), data, now, confirmed)
        self._waiting.setdefault(expected.key, []).append(expected)
        return expected

    def forget(self, expected: Expected) -> None:
        """It waits no more; harmless for one that has been confirmed."""
        waiting = self._waiting.get(expected.key)
        if waiting is not None and expected in waiting:
            waiting.remove(expected)
            if not waiting:
                del self._waiting[expected.key]

    def reported(self, uid: str, resource: str, data: JSON, measured_at: float) -> None:
        """The device reported ``data``; what it measured before the write began says nothing of the write."""
        for expected in list(self._waiting.get((uid, resource), ())):
            if measured_at < expected.began:
                continue
            if is_same(expected.data, data, resource):
                self.forget(expected)
                expected.confirmed()
            else:
                expected.others[:] = [data]
