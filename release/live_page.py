# SPDX-License-Identifier: BSD-3-Clause
"""A value that changes before one's eyes: the dashboard of a running demo in headless Chromium."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.chromium import chromium
from release.tree import ReleaseError

TIMEOUT_MS = 30_000
#: Every value with a unit that cards show, as "device: value", as far as there are such.
_VALUES = r"""() => [...document.querySelectorAll('article')].map(card => {
    const name = card.querySelector('h2')?.textContent?.trim() ?? '';
    const value = card.innerText.match(/-?\d[\d.,]*\s*(°C|hPa|lx|ppm|%)/)?.[0] ?? '';
    return [name, value.replace(/\s+/g, ' ')];
}).filter(([name, value]) => name !== '' && value !== '')"""
_CHANGED = f"""before => {{
    const now = new Map(({_VALUES})());
    const found = before.find(([name, value]) => now.has(name) && now.get(name) !== value);
    return found && [...found, now.get(found[0])];
}}"""


@dataclass(frozen=True)
class Seen:
    """A device's value, and what became of it."""

    device: str
    before: str
    after: str


def watch(url: str) -> Seen:
    """Open the page and wait until a value is another. Raises ReleaseError where none is, or the page has faults."""
    from playwright.sync_api import Error

    faults: list[str] = []
    with chromium() as browser:
        page = browser.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(url)
        try:
            page.wait_for_function(f"() => ({_VALUES})().length > 0", timeout=TIMEOUT_MS)
            before = page.evaluate(_VALUES)
            seen = Seen(*page.wait_for_function(_CHANGED, arg=before, timeout=TIMEOUT_MS).json_value())
        except Error as error:
            told = [*faults, str(error)][0].splitlines()[0]
            raise ReleaseError(f"the page of the demo shows no value that changes: {told}") from None
    if faults:
        raise ReleaseError(f"the page shows values, but has faults: {faults[0]}")
    return seen
