# SPDX-License-Identifier: BSD-3-Clause
"""A gateway's core with an outbox that the test reads, and time that the test holds."""

from __future__ import annotations

from typing import Any

import msgspec

from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.orders import Order
from pyaiot.gateway.outbox import Outbox
from pyaiot.wire import codec
from pyaiot.wire.messages import Write

EPOCH = "0123456789abcdef"
#: Unix ms when the test's monotonic clock shows 0.
START_MS = 1_700_000_000_000


class Gateway:
    """Steps take ``now`` from the clock here; what they tell is read with :meth:`told`."""

    def __init__(self, core: GatewayCore | None = None, outbox: Outbox | None = None) -> None:
        self.outbox = Outbox(EPOCH) if outbox is None else outbox
        self.core = core or GatewayCore(self.outbox, protocol="coap", title="CoAP", timeout_s=120.0)
        self.now = 1000.0

    @property
    def at(self) -> int:
        return START_MS + int(self.now * 1000)

    def seen(self, uid: str, **more: Any) -> bool:
        return self.core.seen(uid, self.now, self.at, **more)

    def updated(self, uid: str, resource: str, data: Any, unit: str | None = None) -> None:
        self.core.updated(uid, resource, data, self.now, self.at, unit)

    def reset(self, uid: str) -> None:
        self.core.reset(uid, self.now, self.at)

    def expire(self) -> None:
        self.core.expire(self.now, self.at)

    def write(self, number: int, uid: str = "n1", resource: str = "led", data: Any = "1", ttl_ms: int = 10_000) -> None:
        self.core.requests.write(Write(id=number, uid=uid, resource=resource, data=data, ttl_ms=ttl_ms), self.now)

    def told(self) -> list[dict[str, Any]]:
        """What the gateway has told since the last call, as the broker reads it; it is acknowledged."""
        found: list[dict[str, Any]] = []
        while (frame := self.outbox.next_frame(10_000)) is not None:
            raw = codec.encode_gateway_frame(*frame)
            codec.decode_gateway_frame(raw)  # strictly, so that no broker ends the session over it
            found += msgspec.json.decode(raw)["messages"]
            self.outbox.acknowledge(frame[0] + len(frame[1]) - 1)
        return found

    def types(self) -> list[str]:
        return [message["type"] for message in self.told()]

    def ordered(self) -> list[Order]:
        """The orders since the last call."""
        orders = list(self.core.orders)
        self.core.orders.clear()
        return orders

    def with_node(self, uid: str = "n1") -> Gateway:
        """Known already, and told."""
        self.seen(uid, attributes={"ip": "fd00::1"})
        self.told()
        self.ordered()
        return self
