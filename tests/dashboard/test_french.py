# SPDX-License-Identifier: BSD-3-Clause
"""Who has a French browser reads French: no English text of ours is left on any page."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Page

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import ROOT, OpenPage
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]

SOURCES = ROOT / "dashboard" / "src"
#: A text of a catalogue, not its key; and a place in it, for what is filled in.
TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"(?!\s*:)')
PLACE = re.compile(r"\{\w+\}")
FEWEST_LETTERS = 4
#: All that is read or read out: texts, and attributes that say something.
SAID = """() => {
    const said = [document.title];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        if (node.nodeType === Node.TEXT_NODE) said.push(node.data);
        else for (const {name, value} of node.attributes)
            if (/^(aria-(label|description|valuetext|roledescription|placeholder)|title|alt|placeholder)$/.test(name))
                said.push(value);
    }
    return said.map(text => text.trim()).filter(text => text !== "");
}"""


def parts(catalogue: str) -> set[str]:
    """The parts of texts between what is filled in, those that say something."""
    texts = (text.replace('\\"', '"') for text in TEXT.findall(catalogue))
    found = (part.strip(" .,:;()…") for text in texts for part in PLACE.split(text))
    return {part for part in found if sum(letter.isalpha() for letter in part) >= FEWEST_LETTERS}


def catalogues() -> tuple[set[str], set[str]]:
    """What is said in English only, and in French only."""
    english: set[str] = set()
    french: set[str] = set()
    for path in SOURCES.rglob("strings.ts"):
        for catalogue in path.read_text(encoding="utf-8").split("translator({")[1:]:
            en, separator, fr = catalogue.partition("\n  fr: {")
            assert separator, path
            english |= parts(en)
            french |= parts(fr)
    return english - french, french - english


async def said(page: Page) -> list[str]:
    texts: list[str] = await page.evaluate(SAID)
    return texts


async def test_no_english_for_french_people(broker: FakeBroker, serve, watch: OpenPage) -> None:  # type: ignore[no-untyped-def]
    english, french = catalogues()
    assert {"Last heard", "Settings"} <= english
    assert {"Réglages", "Langue"} <= french
    server = await serve(broker_url=broker.url)
    watched = await watch(f"http://127.0.0.1:{server.port}/", broker.url, locale="fr-FR")
    page, keyboard = watched.page, watched.page.keyboard
    start = page.url.split("#")[0]
    left: dict[str, set[str]] = {}
    heard: set[str] = set()

    async def check(what: str) -> None:
        texts = "\n".join(await said(page))
        if found := {part for part in english if re.search(rf"(?<!\w){re.escape(part)}(?!\w)", texts)}:
            left[what] = found
        heard.update(part for part in french if part in texts)

    await page.get_by_role("heading", name="Pas encore d’appareil").wait_for()
    await check("no devices")
    await broker.new("coap/1", name="Xxx", led="1", protocol="CoAP", os="riot", board="b1", text="xxx", tvoc="5ppb")
    await broker.update("coap/1", "temperature", "21.5°C", value=21.5, unit="Cel")
    await broker.update("coap/1", "position", {"lat": 48.7, "lng": 2.2})
    await broker.about("coap/1", "led", writable=True, rt="led")
    await broker.new("coap/2")
    await broker.new("ws/3", name="Yyy", text="yyy")
    await broker.out("ws/3")
    card = watched.card("coap/1")
    await card.get_by_role("switch").click()
    await broker.refuse(await asyncio.wait_for(broker.writes.get(), PATIENCE_S), "timeout", "")
    await card.get_by_text("Délai dépassé").wait_for()
    for name in ("Menu de Xxx", "Filtrer", "Affichage"):
        await page.get_by_role("button", name=name, exact=True).click()
        await check(name)
        await keyboard.press("Escape")
    await page.get_by_role("button", name="Liste", exact=True).click()
    await page.get_by_role("table").wait_for()
    await check("list")
    await page.goto(start + "#/device/coap/1")
    await page.get_by_role("region", name="Détails").wait_for()
    await check("device")
    await page.goto(start + "#/device/ws/3")
    await page.get_by_role("heading", level=1, name="Yyy").wait_for()
    await check("device that went")
    await page.goto(start + "#/map")
    await page.get_by_role("application").get_by_role("button", name="Xxx").click()
    await check("map")
    await page.get_by_role("button", name="Réglages").click()
    await page.get_by_role("dialog", name="Réglages").wait_for()
    await check("settings")
    assert left == {}
    assert len(heard) > len(french) / 4
