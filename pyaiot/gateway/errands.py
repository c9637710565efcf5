# SPDX-License-Identifier: BSD-3-Clause
"""Carries out the core's orders: one task a discovery, write or read, each owned, named and bounded.

An adapter that does other than its contract says costs that errand, a line in the log with its traceback, and nothing
else.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from pyaiot.gateway.adapter import Adapter, WriteFailed, can_read
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.orders import Abandon, Ask, Discover, Forget, Perform
from pyaiot.gateway.turns import Turns
from pyaiot.wire.messages import JSON

log = logging.getLogger("pyaiot.gateway")

MAX_DISCOVERIES = 256
MAX_DISCOVERIES_PER_ADDRESS = 64
#: How long one discovery may take, in seconds.
DISCOVERY_S = 120.0


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a write or read ended; ``code`` None is a success, of a write with the value that the device now has."""

    code: str | None = None
    reason: str = ""
    value: JSON | None = None


class Errands:
    """What the adapter does for the core. ``settle`` is called after each change of the core by a task of ours."""

    def __init__(
        self, adapter: Adapter, core: GatewayCore, group: asyncio.TaskGroup, settle: Callable[[], None]
    ) -> None:
        self._adapter = adapter
        self._core = core
        self._group = group
        self._settle = settle
        self._discoveries: dict[str, asyncio.Task[None]] = {}
        # Nodes whose discovery waits for a free place, or for its predecessor to end.
        self._waiting = Turns(MAX_DISCOVERIES_PER_ADDRESS)
        self._asked: dict[Perform | Ask, asyncio.Task[_Outcome]] = {}
        self._abandoned: set[Perform | Ask] = set()  # of those
        self._stopped = False

    def run(self) -> None:
        """Carry out all orders of the core. ``forget`` is done at once; the rest begins or ends a task."""
        orders = self._core.orders
        while orders:
            order = orders.popleft()
            match order:
                case Discover(uid):
                    node = self._core.registry.nodes.get(uid)
                    self._waiting.add(uid, "" if node is None else node.attributes.get("ip", ""))
                    self._cancel_discovery(uid)
                case Forget(uid, why):
                    log.info("Node %s is out: %s", uid, why)
                    self._waiting.discard(uid)
                    self._cancel_discovery(uid)
                    self._forget(uid)
                case Perform() | Ask():
                    self._start(order)
                case Abandon(abandoned):
                    if (running := self._asked.get(abandoned)) is not None:
                        self._abandoned.add(abandoned)
                        running.cancel()
        self._start_discoveries()

    def stop(self) -> None:
        """Begin nothing any more; the owner of the group cancels what is under way."""
        self._stopped = True
        self._waiting.clear()

    # Nodes

    def _forget(self, uid: str) -> None:
        try:
            self._adapter.forget(uid)
        except Exception as error:
            self._fault("forget", uid, error)

    def _start_discoveries(self) -> None:
        while not self._stopped and len(self._discoveries) < MAX_DISCOVERIES:
            uid = self._waiting.take()
            if uid is None:
                return
            task = self._group.create_task(self._discover(uid), name=f"discover {uid}")
            self._discoveries[uid] = task
            task.add_done_callback(partial(self._discovery_ended, uid))

    def _cancel_discovery(self, uid: str) -> None:
        task = self._discoveries.get(uid)
        if task is not None:
            task.cancel()

    async def _discover(self, uid: str) -> None:
        try:
            async with asyncio.timeout(DISCOVERY_S):
                await self._adapter.discover(uid)
        except TimeoutError:
            log.warning("Node %s: discovery took more than %.0f s, and was ended", uid, DISCOVERY_S)
        except Exception as error:
            self._fault("discover", uid, error)

    def _discovery_ended(self, uid: str, task: asyncio.Task[None]) -> None:
        del self._discoveries[uid]
        self._waiting.done(uid)
        self._start_discoveries()

    # Writes and reads

    def _start(self, order: Perform | Ask) -> None:
        if self._stopped:
            self._tell(order, _Outcome("offline", "the gateway stops"))
            return
        work, doing = (self._write(order), "write") if isinstance(order, Perform) else (self._read(order), "read")
        task = self._group.create_task(work, name=f"{doing} {order.uid}/{order.resource}")
        self._asked[order] = task
        task.add_done_callback(partial(self._ended, order))

    async def _write(self, order: Perform) -> _Outcome:
        try:
            return _Outcome(value=await self._adapter.write(order.uid, order.resource, order.data))
        except WriteFailed as failed:
            return _Outcome(failed.code, failed.reason)
        except Exception as error:
            self._fault("write to", order.uid, error)
            return _Outcome("failed", "a fault of the gateway's own; its log has more")

    async def _read(self, order: Ask) -> _Outcome:
        if not can_read(self._adapter):
            return _Outcome("unsupported", f"{self._adapter.title} devices cannot be asked for a value")
        try:
            await self._adapter.read(order.uid, order.resource)
            return _Outcome()
        except WriteFailed as failed:
            return _Outcome(failed.code, failed.reason)
        except Exception as error:
            self._fault("read", order.uid, error)
            return _Outcome("failed", "a fault of the gateway's own; its log has more")

    def _ended(self, order: Perform | Ask, task: asyncio.Task[_Outcome]) -> None:
        """However it ended, also cancelled before its first step."""
        del self._asked[order]
        abandoned = order in self._abandoned
        self._abandoned.discard(order)
        if not task.cancelled():
            outcome = task.result()
        elif self._stopped:
            # The device may have what the adapter was given; of a read there is nothing that it could have done.
            code = "timeout" if isinstance(order, Perform) else "offline"
            outcome = _Outcome(code, "the gateway stopped before the device answered")
        elif abandoned:
            outcome = _Outcome("timeout", "the node went out before the device answered")
        else:
            # By something inside the adapter.
            outcome = _Outcome("failed", f"the {'write' if isinstance(order, Perform) else 'read'} was cut short")
        self._tell(order, outcome)
        self._settle()

    def _tell(self, order: Perform | Ask, outcome: _Outcome) -> None:
        now = time.monotonic()
        if isinstance(order, Ask):
            self._core.requests.read_ended(order, now, outcome.code, outcome.reason)
        elif outcome.code is None:
            self._core.requests.write_done(order, outcome.value, now, time.time_ns() // 1_000_000)
        else:
            self._core.requests.write_failed(order, outcome.code, outcome.reason, now)

    def _fault(self, doing: str, uid: str, error: Exception) -> None:
        self._core.counters.adapter_faults += 1
        log.error(
            "A fault of the %s adapter, asked to %s %s; please report this",
            self._adapter.title,
            doing,
            uid,
            exc_info=error,
        )
