# SPDX-License-Identifier: BSD-3-Clause
"""A broker whose gateways and devices say hostile texts: each text in each kind of place that has words of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.hostile_texts import HOSTILE, NUMBERS, OF_EACH, nested

#: Devices by kind: of one text, of as many as have room on a card (two widgets each, and two for all), on a page.
ON_CARD = 3
ON_PAGE = 46
#: Of these the pages are looked at, too.
WITH_PAGES = ("coap/words", "coap/numbers", "coap/special")
#: What `gateways.list` may tell, and is looked at.
MOST_GATEWAYS = 64
MOST_DOORS = 8


def in_parts(texts: list[str], size: int) -> Iterator[tuple[int, list[str]]]:
    for part, start in enumerate(range(0, len(texts), size)):
        yield part, texts[start : start + size]


def uid_of(text: str) -> str:
    """Of the device that is called so: its gateway is, too, but for what ends a gateway's name."""
    return f"{text.replace('/', '')[:64] or 'coap'}/{text}"


async def devices_named(broker: FakeBroker) -> dict[str, str]:
    """A device per text, whose uid, gateway, name, protocol and system are the text; the texts by uid."""
    for text in HOSTILE:
        uid = uid_of(text)
        await broker.new(
            uid, name=text, protocol=text, os=text, board=text, vendor=text, version=text, ip=text, led="0"
        )
        await broker.about(uid, "led", **about(text), writable=True)
    return {uid_of(text): text for text in HOSTILE}


async def have_places(broker: FakeBroker) -> None:
    """All that are called so are on the map; with some, where they are is such a text."""
    for index, text in enumerate(HOSTILE):
        place: dict[str, Any] = {"lat": 80 - index / 2, "lng": index - 160}
        await broker.update(
            uid_of(text), "position", {**place, text: text} if index % 7 else {"lat": text, "lng": text}
        )


async def devices_that_say(broker: FakeBroker) -> set[str]:
    """Devices whose resources' names, values, titles, units and choices are the texts; the texts in words."""
    for part, texts in in_parts(HOSTILE, ON_CARD):
        uid = f"coap/card {part}"
        await broker.new(uid, name=f"Card {part}")
        await say(broker, uid, texts, "both")
        await broker.update(uid, "choice", texts[0])
        await broker.about(uid, "choice", choices=[*texts, *(f"{text}2" for text in texts)], writable=True)
        await broker.update(uid, "deep", [nested(text[:80], 6) for text in texts])
    for kind in ("words", "numbers"):
        for part, texts in in_parts(HOSTILE, ON_PAGE):
            await broker.new(f"coap/{kind} {part}", name=f"{kind} {part}")
            await say(broker, f"coap/{kind} {part}", texts, kind)
    for index, text in enumerate(OF_EACH):
        uid = f"coap/special {index}"
        await broker.new(uid, robot=text, ribot=text, js=text, webcam=text, suit_state=text, dwnld=text, led=text)
        await broker.update(uid, "imu", [{"type": "acc", "values": [text, text, text]}, {"type": text, "values": text}])
        for resource in ("robot", "ribot", "js", "webcam"):
            await broker.about(uid, resource, writable=True, **about(text))
    return set(HOSTILE)


async def say(broker: FakeBroker, uid: str, texts: list[str], kind: str) -> None:
    for index, text in enumerate(texts):
        if kind != "numbers":
            await broker.update(uid, text, text)
            await broker.about(uid, text, **{"rt": text, "if": text, "ct": text}, writable=index % 2 == 0)
        if kind != "words":
            name = f"number{index}"
            await broker.update(uid, name, text, value=NUMBERS[index % len(NUMBERS)], unit=text)
            await broker.about(uid, name, **about(text), writable=index % 2 == 0, min=0, max=10**300)


def about(text: str) -> dict[str, str]:
    return {"title": text, "unit": text, "rt": text, "if": text, "ct": text}


def gateways_with_doors(where: str) -> list[dict[str, Any]]:
    """Gateways named by texts, whose doors have a text as ``where``; the last is sound."""
    gateways = []
    for part, texts in in_parts(HOSTILE, MOST_DOORS - 1):
        doors: list[dict[str, Any]] = [
            {"scheme": "coap", "port": 5683, "path": "/alive", where: text} for text in texts
        ]
        sound = {"scheme": "ws", "port": 8001, "path": "/"}
        text = HOSTILE[-1 - part]
        told = {"gateway": text, "state": "connected", "nodes": 1, "address": text if part % 2 else None}
        gateways.append({**told, "doors": [*doors, sound]})
    assert len(gateways) < MOST_GATEWAYS
    gateways.append({"gateway": "sound", "state": "connected", "nodes": 1, "doors": [{"scheme": "ws", "port": 8001}]})
    return gateways
