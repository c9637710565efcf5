# SPDX-License-Identifier: BSD-3-Clause
"""The LED switch: it shows what the device confirmed, and says what became of a write."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from playwright.async_api import Locator, expect

from tests.dashboard.fake_broker import FakeBroker
from tests.dashboard.watched_page import Watched
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.needs("chromium")]


async def led(broker: FakeBroker, page: Watched, data: str = "0") -> Locator:
    await broker.new("coap/1", name="Lamp", led=data)
    switch = page.card("coap/1").get_by_role("switch", name="LED")
    await expect(switch).to_have_attribute("aria-checked", "true" if data == "1" else "false")
    return switch


async def test_waits_for_the_device(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page)
    await switch.click()
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params == {"uid": "coap/1", "resource": "led", "data": "1"}
    card = page.card("coap/1")
    await expect(card).to_contain_text("Setting to On…")
    await expect(switch).to_have_attribute("aria-busy", "true")
    await expect(switch).to_have_attribute("aria-checked", "false")
    await broker.update("coap/1", "led", "1")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await expect(switch).to_have_attribute("aria-busy", "false")
    await expect(card.get_by_role("status")).to_have_text("The device confirmed it")


async def test_an_outcome_alone_moves_nothing(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page, "1")
    await switch.click()
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params["data"] == "0"
    await broker.confirm(write)
    await expect(switch).to_have_attribute("aria-busy", "false")
    await expect(switch).to_have_attribute("aria-checked", "true")
    await broker.update("coap/1", "led", "0")
    await expect(switch).to_have_attribute("aria-checked", "false")


async def test_undo_says_the_old_value_again(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page, "1")
    await switch.click()
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    await broker.update("coap/1", "led", "0")
    await broker.confirm(write)
    undo = page.card("coap/1").get_by_role("button", name="Undo: set LED back to On")
    await undo.click()
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params["data"] == "1"
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(undo).to_have_count(0)


async def test_one_write_at_a_time(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page)
    await switch.click()
    await expect(switch).to_have_attribute("aria-busy", "true")
    await switch.click(force=True)
    first = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    await broker.refuse(first, "offline", "gone")
    await expect(page.card("coap/1")).to_contain_text("Not reached: gone")
    assert broker.writes.empty()


@pytest.mark.parametrize(
    ("code", "reason", "said"),
    [
        ("timeout", "", "Timed out."),
        ("offline", "its gateway is away", "Not reached: its gateway is away"),
        ("refused", "4.03 Forbidden", "Refused: 4.03 Forbidden"),
        ("strange", "", "It failed (strange)."),
    ],
)
async def test_says_why_it_failed(broker: FakeBroker, page: Watched, code: str, reason: str, said: str) -> None:
    switch = await led(broker, page)
    await switch.click()
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    await broker.confirm(replace(write, id=write.id + 1000))
    await broker.refuse(write, code, reason)
    await expect(page.card("coap/1").locator(".failure")).to_have_text(said)
    await expect(switch).to_have_attribute("aria-checked", "false")
    await expect(switch).to_have_attribute("aria-busy", "false")
    await page.card("coap/1").get_by_role("button", name="Dismiss what is said of LED").click()
    await expect(page.card("coap/1").get_by_role("status")).to_have_text("")


async def test_gives_up_after_15_seconds(broker: FakeBroker, page: Watched) -> None:
    await page.page.clock.install()
    await page.page.reload()
    switch = await led(broker, page)
    await switch.click()
    await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    failure = page.card("coap/1").locator(".failure")
    await page.page.clock.fast_forward(14_000)
    await expect(switch).to_have_attribute("aria-busy", "true")
    await page.page.clock.fast_forward(1_100)
    await expect(failure).to_have_text("Timed out: no answer in time: whether it was done is not known")
    await expect(switch).to_have_attribute("aria-checked", "false")


async def test_a_lost_connection_leaves_the_outcome_open(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page)
    await switch.click()
    await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    await broker.stop()
    failure = page.card("coap/1").locator(".failure")
    await expect(failure).to_have_text("The connection was lost; it may or may not have happened.")
    await expect(switch).to_have_attribute("aria-disabled", "true")
    await switch.click(force=True)
    await broker.start()
    await expect(switch).to_have_attribute("aria-disabled", "false")
    assert broker.writes.empty()


async def test_works_from_the_keyboard(broker: FakeBroker, page: Watched) -> None:
    switch = await led(broker, page)
    focused = "document.activeElement.getAttribute('role')"
    for _ in range(40):
        await page.page.keyboard.press("Tab")
        if await page.page.evaluate(focused) == "switch":
            break
    await expect(switch).to_be_focused()
    await page.page.keyboard.press("Space")
    write = await asyncio.wait_for(broker.writes.get(), PATIENCE_S)
    assert write.params["data"] == "1"


async def test_a_value_that_is_neither_is_unknown(broker: FakeBroker, page: Watched) -> None:
    await led(broker, page, "purple")
    await expect(page.card("coap/1").locator("li")).to_contain_text("Unknown")
