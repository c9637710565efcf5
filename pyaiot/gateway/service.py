# SPDX-License-Identifier: BSD-3-Clause
"""A gateway that runs: joins an adapter, the core and the link to the broker. Owns the clock and all tasks."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from pyaiot.gateway.adapter import MAX_AGE_MS, Adapter, GoneReason, can_read, doors_of, ends_with_connection, health_of
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.dial import BrokerAddress, Identity
from pyaiot.gateway.errands import Errands
from pyaiot.gateway.metrics import Link, families
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.gateway.uplink import Uplink
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health, link_health, worst
from pyaiot.wire.messages import JSON, READ, About, BrokerMessage, Read, Write

log = logging.getLogger("pyaiot.gateway")

TIMEOUT_S = 120.0
#: The timer is never armed for less, so that 100,000 deadlines do not wake the process one by one.
TIMER_GRAIN_S = 0.25
#: Nodes that go out in one turn of the loop, at most: others may have something to do, too.
MAX_EXPIRED_AT_ONCE = 1_000
#: With so many messages waiting for a broker that is there, the gateway is crowded; with so few no more.
CROWDED = 20_000
ROOMY = 5_000
#: At the end: for the adapter to stop, and for the broker to take what is left.
ADAPTER_STOP_S = 1.0
DRAIN_S = 2.0


class GatewayService:
    """One gateway: ``adapter`` speaks with the devices, ``identity`` is what the broker knows it by.

    A node is out after ``timeout_s`` without a sign of life. Implements adapter.DeviceEvents.
    """

    def __init__(
        self, adapter: Adapter, identity: Identity, broker: BrokerAddress, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._adapter = adapter
        self._name = identity.name
        self._outbox = Outbox(secrets.token_hex(8))
        self.core = GatewayCore(
            self._outbox,
            protocol=adapter.protocol,
            title=adapter.title,
            timeout_s=timeout_s,
            tells_timeout=not ends_with_connection(adapter),
        )
        able = replace(identity, features=(READ,) if can_read(adapter) else ())
        self.uplink = Uplink(broker, able, self._outbox, self)
        self._errands: Errands | None = None
        self._armed_for: float | None = None
        self._earlier = asyncio.Event()
        self._dropped_told = 0
        self._roomy = asyncio.Event()

    @property
    def outbox(self) -> Outbox:
        """What the broker has not acknowledged; for reading."""
        return self._outbox

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until cancelled; calls ``ready`` once the adapter is open. Raises its StartupError before that.

        At the end the adapter stops first; what is left is then told to the broker, for DRAIN_S at most.
        """
        async with asyncio.TaskGroup() as group:
            uplink: asyncio.Task[None] | None = None
            try:
                async with asyncio.TaskGroup() as work:
                    self._errands = Errands(self._adapter, self.core, work, self._settle)
                    try:
                        await self._adapter.start(self)
                        self.uplink.announce(doors_of(self._adapter))
                        # Only now: a gateway that cannot start must not take the place of one that runs.
                        uplink = group.create_task(self.uplink.run(), name=f"gateway {self._name}: uplink")
                        work.create_task(self._keep_time(), name=f"gateway {self._name}: timer")
                        ready()
                        await asyncio.get_running_loop().create_future()
                    finally:
                        self._errands.stop()
                        await self._stop_adapter()
                        # Now the group cancels what is under way; each write is answered all the same.
            finally:
                if uplink is not None:
                    await self._drain()
                    uplink.cancel()

    # monitoring.Watched

    def families(self) -> Iterator[Family]:
        """See monitoring.Watched."""
        uplink = self.uplink
        link = Link(
            uplink.connected,
            not self.health().trouble,
            uplink.away_s() or 0.0,
            uplink.delay_s,
            sessions=uplink.sessions,
            losses=uplink.losses,
        )
        counters = getattr(self._adapter, "counters", None)
        return families(self._name, self._adapter.protocol, link, self.core, self._outbox, counters)

    def health(self) -> Health:
        """See monitoring.Watched: well as long as it reaches the broker, and its adapter what that needs."""
        uplink = self.uplink
        link = link_health(
            f"the broker at {uplink.url}",
            uplink.away_s(),
            uplink.trouble,
            {
                "gateway": self._name,
                "broker": "connected" if uplink.connected else "away",
                "nodes": len(self.core.registry.nodes),
            },
        )
        return worst(link, health_of(self._adapter))

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(DRAIN_S):
                await self.uplink.drain()
        except TimeoutError:
            log.warning("Stopped with %d messages that the broker has not acknowledged", len(self._outbox))

    async def _stop_adapter(self) -> None:
        try:
            async with asyncio.timeout(ADAPTER_STOP_S):
                await self._adapter.stop()
        except TimeoutError:
            log.warning("The %s adapter did not stop within %.1f s", self._adapter.title, ADAPTER_STOP_S)
        except Exception:
            self.core.counters.adapter_faults += 1
            log.exception("A fault of the %s adapter, asked to stop; please report this", self._adapter.title)

    async def _keep_time(self) -> None:
        """The only timer: armed for the earliest deadline, and armed anew when there is an earlier one."""
        core = self.core
        while True:
            self._armed_for = core.next_deadline()
            pause = None if self._armed_for is None else max(TIMER_GRAIN_S, self._armed_for - time.monotonic())
            try:
                async with asyncio.timeout(pause):
                    await self._earlier.wait()
            except TimeoutError:
                pass
            self._earlier.clear()
            while True:
                now = time.monotonic()
                core.expire(now, _unix_ms(), MAX_EXPIRED_AT_ONCE)
                self._settle()
                deadline = core.next_deadline()
                if deadline is None or deadline > now:
                    break
                await asyncio.sleep(0)

    def _settle(self) -> None:
        """After whatever may have changed more than a value: carry out orders, arm the timer, send."""
        if self._errands is not None and self.core.orders:
            self._errands.run()
        deadline = self.core.next_deadline()
        if deadline is not None and (self._armed_for is None or deadline < self._armed_for):
            self._earlier.set()
        self.uplink.wake()

    # adapter.DeviceEvents

    def seen(
        self,
        uid: str,
        *,
        attributes: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
        proven: bool = True,
    ) -> bool:
        """See adapter.DeviceEvents."""
        is_new = self.core.seen(
            uid, time.monotonic(), _unix_ms(), attributes=attributes, timeout_s=timeout_s, proven=proven
        )
        if is_new:
            log.info("Node %s is new", uid)
        self._settle()
        return is_new

    def updated(self, uid: str, resource: str, data: JSON, *, unit: str | None = None, age_ms: int = 0) -> None:
        """See adapter.DeviceEvents."""
        at = _unix_ms()
        if age_ms:
            at -= min(max(age_ms, 0), MAX_AGE_MS)
        self.core.updated(uid, resource, data, time.monotonic(), at, unit)
        self.uplink.wake()

    def described(self, uid: str, resource: str, about: About) -> None:
        """See adapter.DeviceEvents."""
        self.core.described(uid, resource, about)
        self.uplink.wake()

    def reset(self, uid: str) -> None:
        """See adapter.DeviceEvents."""
        self.core.reset(uid, time.monotonic(), _unix_ms())
        log.info("Node %s was reset", uid)
        self._settle()

    def gone(self, uid: str, why: GoneReason) -> None:
        """See adapter.DeviceEvents. ``adapter.forget`` has been called when this returns."""
        self.core.gone(uid, why, _unix_ms())
        self._settle()

    def known(self, uid: str) -> bool:
        """See adapter.DeviceEvents."""
        return uid in self.core.registry

    @property
    def crowded(self) -> bool:
        """See adapter.DeviceEvents."""
        return self._outbox.waiting >= CROWDED and self.uplink.connected

    async def room(self) -> None:
        """See adapter.DeviceEvents."""
        while self.crowded:
            self._roomy.clear()
            await self._roomy.wait()

    # link.Host

    def session_began(self, features: frozenset[str]) -> None:
        """See link.Host."""
        self.core.session_began(features)

    def session_ended(self) -> None:
        """See link.Host."""
        self.core.session_ended()
        self._roomy.set()

    def refill(self) -> None:
        """See link.Host."""
        self.core.refill(_unix_ms())
        if self._outbox.waiting <= ROOMY:
            self._roomy.set()
        dropped = self._outbox.dropped[Kind.VALUE] + self._outbox.dropped[Kind.STATE]
        if dropped > self._dropped_told and not self._outbox.waiting:
            log.warning(
                "%d messages were dropped because the broker took none for too long; newest values are told again",
                dropped - self._dropped_told,
            )
            self._dropped_told = dropped

    def broker_says(self, message: BrokerMessage) -> None:
        """See link.Host."""
        if isinstance(message, Write):
            self.core.requests.write(message, time.monotonic())
            self._settle()
        elif isinstance(message, Read):
            self.core.requests.read(message, time.monotonic())
            self._settle()
        else:
            self.core.refused(message)
            log.debug("The broker did not take what was said of node %s: %s", message.uid, message.reason)


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
