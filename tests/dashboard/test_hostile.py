# SPDX-License-Identifier: BSD-3-Clause
"""Devices and their names are strangers' text: nothing of it runs, breaks the layout or stops the page.

The ``watch`` fixture asserts at the end of each test that nothing ran, nothing was refused and nobody was called.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import expect

from tests.dashboard import hostile_world
from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.hostile_texts import HOSTILE, OF_EACH
from tests.dashboard.watched_page import OpenPage, Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

#: Tall: as much as possible is seen with few turns of the wheel.
TALL = 6_000
WIDE, NARROW = {"width": 1280, "height": TALL}, {"width": 390, "height": TALL}

EYES = (Path(__file__).parent / "hostile_eyes.js").read_text()

NOT_MESSAGES = [
    "",
    "nonsense {",
    "null",
    "[]",
    "17",
    '"text"',
    "{}",
    '{"jsonrpc":"2.0","method":"nodes.changed"}',
    '{"jsonrpc":"2.0","method":"nodes.changed","params":[]}',
    '{"jsonrpc":"2.0","method":"nodes.changed","params":{"watch":1,"version":1,"changes":{}}}',
    '{"jsonrpc":"2.0","method":"nodes.changed","params":{"watch":2,"version":1,"changes":[{"type":"gone","uid":"coap/1"}]}}',
    '{"jsonrpc":"2.0","method":"constructor","params":[]}',
    '{"jsonrpc":"2.0","method":"__proto__","id":1}',
    '{"jsonrpc":"2.0","id":{"x":1},"result":1}',
    '{"jsonrpc":"2.0","id":1,"result":{"watch":1,"resumed":false}}',
    '{"method":"nodes.changed","params":[null],"id":null}',
]

NOT_CHANGES = [
    "null",
    "7",
    "{}",
    '{"type":"node"}',
    '{"type":"node","uid":7}',
    '{"type":"node","uid":"coap/2","gateway":"coap"}',
    '{"type":"value","uid":"coap/1"}',
    '{"type":"value","uid":"coap/1","resource":["x"],"data":"1","value":"1","at":1}',
    '{"type":"value","uid":"coap/1","resource":"x","data":"1","value":"1","at":"yesterday"}',
    '{"type":"value","uid":"coap/1","resource":"x","data":"1","value":"1","unit":7,"at":1}',
    '{"type":"gone","uid":"coap/unknown"}',
    '{"type":"gateway","gateway":"coap","state":"toString"}',
    '{"type":"a-later-kind","uid":"coap/1"}',
]

STRANGE: list[tuple[dict[str, object], str]] = [
    ({"value": 1e300, "at": 1e300}, "1.000e300"),
    ({"value": -1e-9, "at": -5}, "−1.000e−9"),
    ({"value": 0.1 + 0.2, "at": 1.5}, "0.3"),
    ({"value": 12345678901, "unit": ""}, "1.235e10"),
    ({"value": 5, "at": 0}, "5"),
]


async def test_hostile_texts_everywhere(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    assert len(HOSTILE) >= 300
    titles = await hostile_world.devices_named(broker)
    await hostile_world.devices_that_say(broker)
    everywhere = len(broker.nodes)
    pages = [f"#/device/{quote(uid)}" for uid in broker.nodes if uid.partition(" ")[0] in hostile_world.WITH_PAGES]
    pages += [f"#/device/{quote(hostile_world.uid_of(text))}" for text in OF_EACH]
    # A title is printable, as a server's owner writes one.
    title = " ".join(text for text in OF_EACH if text.isprintable())
    server = await serve(broker_url=broker.url, title=title)
    watched = await watch("about:blank", f"http://127.0.0.1:{server.port}/", broker.url, viewport=WIDE)
    page = watched.page
    await page.add_init_script(EYES)

    async def all_devices(clicked: str | None = None) -> tuple[int, int, set[str]]:
        """How many have their text as title, how many in why a write failed; the resources with widgets."""
        seen = await page.evaluate("given => goThrough(...given)", [titles, everywhere, clicked])
        assert seen["faults"] == []
        uids, titled, refused = seen["sizes"]
        assert uids == everywhere
        return titled, refused, set(seen["resources"])

    async def no_faults() -> None:
        assert await page.evaluate("async () => { await painted(); return faults() }") == []

    async def has_all() -> None:
        total = page.locator(".summary .total")
        await expect(total).to_contain_text(str(everywhere))

    async with asyncio.TaskGroup() as tasks:
        refusing = tasks.create_task(refuse_all(broker, titles))
        await page.goto(f"http://127.0.0.1:{server.port}/")
        await has_all()
        titled, _, resources = await all_devices()
        assert titled == len(HOSTILE)
        assert resources >= set(HOSTILE)
        await page.set_viewport_size(NARROW)
        # Each is switched, for which there is a reason not to.
        titled, refused, resources = await all_devices('[data-resource="led"]:has(.none) [role=switch]')
        assert (titled, refused) == (len(HOSTILE), len(HOSTILE))
        assert resources >= set(HOSTILE)
        refusing.cancel()

    # As rows, by gateway: hostile heads.
    await page.evaluate("location.hash = '#/?layout=list&group=gateway'")
    await page.get_by_role("table").wait_for()
    for size in (NARROW, WIDE):
        await page.set_viewport_size(size)
        titled, _, _ = await all_devices()
        assert titled == len(HOSTILE)

    await hostile_world.have_places(broker)
    await page.evaluate("location.hash = '#/map'")
    await page.get_by_role("application").wait_for()
    while await page.locator(".list > button").count():
        await page.locator(".list > button").click()
    named = await page.locator(".list bdi.name").all_text_contents()
    assert len(set(named)) >= 250
    for size in (WIDE, NARROW):
        await page.set_viewport_size(size)
        await no_faults()

    for where in ("scheme", "host", "path"):
        broker.gateways = hostile_world.gateways_with_doors(where)
        await page.get_by_role("button", name="Add a device").click()
        await expect(page.get_by_role("dialog").get_by_role("tab")).not_to_have_count(0)
        await no_faults()
        await page.get_by_role("dialog").get_by_role("button", name="Close").click()

    # Somebody's links, and what is looked for.
    await page.set_viewport_size({"width": 390, "height": 800})
    links = [f"#/device/{text}" for text in HOSTILE] + [f"#/?q={quote(text)}" for text in HOSTILE]
    assert await page.evaluate("hashes => visit(hashes)", links) == []
    for size in (NARROW, WIDE):
        await page.set_viewport_size(size)
        assert await page.evaluate("hashes => visit(hashes)", pages) == []

    # All go, and were given other names in this browser, by whom we don't know.
    for index, text in enumerate(HOSTILE):
        await broker.out(hostile_world.uid_of(text), why=text if index % 2 else "gateway")
    for index, text in enumerate(OF_EACH):
        await broker.out(f"coap/special {index}", why=text)
    titles = dict(zip(titles, HOSTILE[::-1], strict=True))
    prefs = {
        "names": [*titles.items(), [1], "x"],
        "pinned": list(titles)[:3],
        "hiddenResources": HOSTILE,
        "hiddenNodes": HOSTILE,
        "language": "fr",
        "cameraUrl": "javascript:executed.push(1)",
        "layout": "__proto__",
        "group": {"toString": 1},
    }
    await page.evaluate(
        "prefs => { localStorage['pyaiot.prefs'] = JSON.stringify(prefs); location.hash = '#/' }", prefs
    )
    await page.set_viewport_size(NARROW)
    await page.reload()
    await has_all()
    titled, _, resources = await all_devices()
    assert titled == len(HOSTILE)
    assert not resources & set(HOSTILE)
    assert await page.evaluate("hashes => visit(hashes)", pages[-len(OF_EACH) :]) == []
    assert await page.evaluate("dialogs") == 0


async def refuse_all(broker: FakeBroker, titles: dict[str, str]) -> None:
    """Refuse each write with the text of its device, and now and then as what nobody has heard of."""
    while True:
        write = await broker.writes.get()
        text = titles.get(write.params["uid"], "no")
        await broker.refuse(write, text if text in OF_EACH else "refused", text)


async def test_what_is_not_a_message_changes_nothing(broker: FakeBroker, page: Watched) -> None:
    await broker.new("coap/1", name="A")
    for count, text in enumerate(NOT_MESSAGES):
        await broker.raw(text)
        await broker.update("coap/1", "text", f"still here {count}")
        await expect(page.card("coap/1")).to_contain_text(f"still here {count}")
    for count, change in enumerate(NOT_CHANGES):
        await broker.changes([json.loads(change)])
        await broker.update("coap/1", "text", f"here anyway {count}")
        await expect(page.card("coap/1")).to_contain_text(f"here anyway {count}")
    await expect(page.page.get_by_role("article")).to_have_count(1)
    await expect(page.card("coap/1").locator("li")).to_have_count(1)
    await broker.raw(
        '{"jsonrpc":"2.0","method":"nodes.changed","params":{"watch":1,"version":1,"changes":[{"__proto__":{"polluted":true},'
        '"type":"node","uid":"__proto__","gateway":"__proto__","protocol":"constructor","firstSeen":1}]}}'
    )
    await expect(page.page.get_by_role("article")).to_have_count(2)
    assert await page.page.evaluate("({}).polluted") is None


async def test_strange_numbers(broker: FakeBroker, page: Watched) -> None:
    # A node each: what a resource said before decides how many decimals it has.
    for count, (extra, shown) in enumerate(STRANGE):
        uid = f"coap/{count}"
        await broker.new(uid, name="A")
        await broker.update(uid, "x", "?", value=1, at=1000)
        number = page.card(uid).locator(".number")
        await expect(number).to_have_text("1")
        await broker.update(uid, "x", "?", **extra)
        await expect(number).to_have_text(shown)


async def test_a_hostile_close_reason_is_text(broker: FakeBroker, page: Watched) -> None:
    await page.page.clock.install()
    await page.page.reload()
    await page.page.get_by_text("No devices yet").wait_for()
    await page.page.clock.pause_at(await page.page.evaluate("Date.now()") + 10_000)
    await broker.close_clients(4000, "<img src=x onerror=executed.push(1)>")
    await expect(page.page.locator(".banner")).to_contain_text("<img src=x onerror=executed.push(1)>")


async def test_the_watch_itself_sees(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    """The policy really refuses, and the fixture that looks for it really finds: script, style, image, call."""
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url)
    await watched.page.get_by_text("No devices yet").wait_for()
    await watched.page.evaluate("""async () => {
        const script = document.createElement('script');
        script.append('executed.push(1)');
        try { document.body.append(script) } catch {}
        document.body.setAttribute('style', 'color: red');
        document.body.append(Object.assign(new Image(), {src: 'http://192.0.2.1/x.png'}));
        await fetch('http://192.0.2.1/').catch(() => null);
        try { document.body.innerHTML = '<b>bold</b>' } catch {}
    }""")
    await watched.page.wait_for_function("() => violations.length >= 5")
    refused = " ".join(await watched.violations())
    for part in ("HTMLScriptElement text", "style-src-attr", "img-src", "connect-src", "Element innerHTML"):
        assert part in refused
    assert await watched.page.locator("b").count() == 0
    assert await watched.page.evaluate("executed") == []
    assert watched.errors
    watched.errors.clear()
    await watched.page.evaluate("violations.length = 0")
    watched.requests[:] = [url for url in watched.requests if "192.0.2.1" not in url]
