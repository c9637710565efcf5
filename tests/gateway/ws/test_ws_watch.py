# SPDX-License-Identifier: BSD-3-Clause
"""A fault in one look at tokens, keys or connections is not the end of looking."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pyaiot.gateway.device_tokens import authority, recurring_call
from pyaiot.gateway.device_tokens.authority import Authority
from pyaiot.gateway.ws import ownership
from pyaiot.gateway.ws.counters import Counters
from pyaiot.gateway.ws.ownership import Ownership
from pyaiot.gateway.ws.server import Server
from pyaiot.tls.ports import DevicePorts
from tests.patience import PATIENCE_S


def failing_once(done: asyncio.Event) -> Callable[..., Any]:
    """Fails when it is called first, and then says that it was called again."""
    calls = 0

    def call(*_: object) -> tuple[()]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise ZeroDivisionError("a fault")
        done.set()
        return ()

    return call


@pytest.mark.parametrize("watcher", ["authority", "ownership", "server"])
async def test_a_fault_in_one_look_is_told_and_the_next_look_comes(
    watcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context["exception"]))
    monkeypatch.setattr(authority, "LOOK_S", 0.01)
    monkeypatch.setattr(ownership, "LOOK_S", 0.01)
    monkeypatch.setattr(recurring_call, "AFTER_FAULT_S", 0.01)
    again = asyncio.Event()
    fail = failing_once(again)
    if watcher == "authority":
        keys = SimpleNamespace(load=lambda: None, refresh=fail, keys=())
        watch: Any = Authority(cast("Any", keys))
        watch.start()
        stop = watch.stop
    elif watcher == "ownership":
        watch = Ownership(cast("Any", SimpleNamespace(load=lambda: None, refresh=fail)))
        watch.start(lambda _: None)
        stop = watch.stop
    else:
        watch = Server(DevicePorts("127.0.0.1", 0, "gateway"), cast("Any", None), Counters())
        watch._requests.span_s = watch._pings.span_s = 0.01
        watch._begin(watch._requests, Watched(fail))
        watch._begin(watch._pings, Watched(lambda: None, again.set))
        stop = watch._timer.cancel
    async with asyncio.timeout(PATIENCE_S):
        await again.wait()
    if watcher == "server":
        stop = watch._timer.cancel if watch._timer else stop
    stop()
    assert [type(fault) for fault in faults] == [ZeroDivisionError]


class Watched:
    """A connection that the server may abort or ping."""

    held = awaited = False

    def __init__(self, abort: Callable[[], Any], ping: Callable[[], Any] = lambda: None) -> None:
        self.abort = abort
        self.ping = ping
