# SPDX-License-Identifier: BSD-3-Clause
"""Devices and their names are strangers' text: nothing of it runs, breaks the layout or stops the page.

The ``watch`` fixture asserts at the end of each test that nothing ran, nothing was refused and nobody was called.
"""

from __future__ import annotations

import json

import pytest
from playwright.async_api import expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import OpenPage, Watched

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

HOSTILE = [
    "<script>executed.push('script')</script>",
    "<img src=x onerror=\"executed.push('img')\">",
    "<svg/onload=executed.push('svg')>",
    "</bdi></h2><iframe srcdoc='<script>parent.executed.push(1)</script>'></iframe>",
    "javascript:executed.push('url')",
    "{@html '<b>bold</b>'} {{executed.push(1)}} ${executed.push(1)}",
    "';executed.push('quote');//",
    '" onmouseover="executed.push(1)" x="',
    "url(http://192.0.2.1/x.png)",
    "\u202egnp.txe\u202c \u0000\u0007\ufffe z\u0361\u0362a\u0363l",
    "__proto__",
    "constructor",
    "toString",
    "W" * 3000,
    "🏴" * 400,
]

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


async def test_text_stays_text(broker: FakeBroker, page: Watched) -> None:
    card = page.page.get_by_role("article")
    for text in HOSTILE:
        uid = f"coap/{text}"
        await broker.new(uid, name=text, os=text, protocol=text, led=text)
        await broker.update(uid, text, text, value=text, unit=text)
        await broker.update(uid, "number", text, value=12.5, unit=text)
        await broker.update(uid, "object", {text: [text, {text: text}]})
        await broker.update(uid, "done", "and the page goes on")
        await expect(card.get_by_text("and the page goes on")).to_be_visible()
        await expect(card).to_have_count(1)
        heading = await card.get_by_role("heading", level=2).evaluate("h2 => h2.textContent")
        assert heading == text
        assert await card.locator(".number").inner_text() == "12.5"
        shown = await card.locator('li[data-resource="object"]').evaluate("li => li.textContent")
        assert text in shown
        assert await card.locator("script, iframe, img, svg:not(.lucide), b").count() == 0
        assert await page.page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        await card.get_by_role("switch").hover()
        assert await page.page.evaluate("executed") == [], text
        await broker.out(uid, text)
        await expect(card.get_by_role("button", name="Gone")).to_be_visible()
        await broker.dismissed(uid)
        await expect(card).to_have_count(0)


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
    await page.page.clock.pause_at(await page.page.evaluate("Date.now()") + 1000)
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
