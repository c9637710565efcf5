# SPDX-License-Identifier: BSD-3-Clause
"""Observed resources (RFC 7641): they stay observed, and old news is no news."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from aiocoap import Message
from aiocoap.numbers import codes
from aiocoap.numbers.types import Type

from pyaiot.gateway.coap import observation
from tests.gateway.coap.coap_devices import Device, Gateway

MakeDevice = Callable[..., Awaitable[Device]]


class Observable:
    """A resource that a device lets the gateway observe; the test sends the notifications."""

    def __init__(self, device: Device, *, observes: bool = True, max_age: int = 60) -> None:
        self.device = device
        self.observes = observes
        self.max_age = max_age
        self.requests: list[Message] = []
        self.cancelled: list[Message] = []
        self.number = 10
        self.value = "first"

    def __call__(self, request: Message) -> Message:
        if request.opt.observe == 1:
            self.cancelled.append(request)
        elif request.opt.observe == 0:
            self.requests.append(request)
        response = Message(code=codes.CONTENT, payload=self.value.encode(), max_age=self.max_age)
        if self.observes and request.opt.observe == 0:
            response.opt.observe = self.number
        return response

    def notify(
        self, value: str, number: int | None, *, code: int = codes.CONTENT, kind: Type = Type.NON, mid: int = 0
    ) -> None:
        message = Message(code=code, payload=value.encode(), max_age=self.max_age)
        message.opt.observe = number
        message.mtype, message.mid, message.token = kind, mid or 40000 + (number or 0), self.requests[-1].token
        self.device.transmit(message, self.requests[-1].remote)


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed and ended observations are asked for again soon."""
    monkeypatch.setattr(observation, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(observation, "GRACE_S", (0.0, 0.01))


async def observed(gateway: Gateway, device: MakeDevice, **options: object) -> Observable:
    one = await device()
    door = Observable(one, **options)  # type: ignore[arg-type]
    one.resources = {"door": door}
    one.links = "</door>;obs"
    await one.post("alive", "alive:x")
    await gateway.discovered()
    return door


def values(gateway: Gateway) -> list[str]:
    return [line[3] for line in gateway.log if line[:3] == ("update", "x", "door")]


async def test_notifications_become_updates_in_order(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    for number in range(11, 16):
        door.notify(f"v{number}", number)
    await gateway.until(lambda: "v15" in values(gateway))
    assert values(gateway) == ["first", "v11", "v12", "v13", "v14", "v15"]
    assert len(door.requests) == 1


async def test_rfc_7641_3_4_a_notification_that_was_overtaken_is_dropped(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    door.notify("new", 13)
    door.notify("old", 12)
    door.notify("same", 13)
    door.notify("newest", 14)
    await gateway.until(lambda: "newest" in values(gateway))
    assert values(gateway) == ["first", "new", "newest"]
    assert gateway.adapter.counters.notifications_stale == 2


async def test_a_confirmable_notification_is_acknowledged(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    door.device.inbox.clear()
    door.notify("v", 11, kind=Type.CON, mid=777)
    await door.device.until(
        lambda: any(data[:4] == bytes((0x60, 0, 777 >> 8, 777 & 255)) for data in door.device.inbox)
    )
    await gateway.until(lambda: "v" in values(gateway))


@pytest.mark.usefixtures("_impatient")
async def test_an_observation_that_the_device_ends_is_asked_for_again(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    door.notify("last", None)
    await door.device.until(lambda: len(door.requests) == 2)
    door.notify("again", 11)
    await gateway.until(lambda: "again" in values(gateway))
    assert values(gateway) == ["first", "last", "first", "again"]


@pytest.mark.usefixtures("_impatient")
async def test_an_observation_that_fails_is_asked_for_again(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    door.notify("no", None, code=codes.SERVICE_UNAVAILABLE)
    await door.device.until(lambda: len(door.requests) == 2)
    assert "no" not in values(gateway)


@pytest.mark.usefixtures("_impatient")
async def test_an_observation_that_falls_silent_is_asked_for_again(gateway: Gateway, device: MakeDevice) -> None:
    """The device rebooted and forgot us: after Max-Age without a word it is asked again (RFC 7641 section 3.3.1)."""
    door = await observed(gateway, device, max_age=0)
    await door.device.until(lambda: len(door.requests) == 3)
    assert len({request.token for request in door.requests}) == 3
    assert door.cancelled[0].token == door.requests[0].token


async def test_a_resource_that_is_not_observable_after_all_is_read_once(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device, observes=False)
    assert values(gateway) == ["first"]
    assert len(door.requests) == 1


async def test_a_reset_begins_anew_and_leaves_one_observation(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    await door.device.post("alive", "reset:x")
    await door.device.until(lambda: len(door.requests) == 2)
    await gateway.discovered()
    await door.device.until(lambda: bool(door.cancelled))
    assert [m.token for m in door.cancelled] == [door.requests[0].token]


async def test_a_node_that_is_out_is_observed_no_more(gateway: Gateway, device: MakeDevice) -> None:
    door = await observed(gateway, device)
    gateway.out("x")
    await door.device.until(lambda: bool(door.cancelled))
    door.device.inbox.clear()
    door.notify("ghost", 11, kind=Type.CON, mid=778)
    reset = bytes((0x70, 0, 778 >> 8, 778 & 255))
    await door.device.until(lambda: any(data[:4] == reset for data in door.device.inbox))
    assert "ghost" not in values(gateway)
