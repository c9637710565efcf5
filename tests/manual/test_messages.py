# SPDX-License-Identifier: BSD-3-Clause
"""What the pages on troubles quote of logs, answers and the dashboard is what the code says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
#: Pages that quote, and how many quotes they have at least.
PAGES = {"troubleshooting.md": 30, "mqtt.md": 8}
#: What is typed, asked or sent, and not said by pyaiot; what Mosquitto and its clients say.
OTHERS = re.compile(
    r"(?:aiot|curl|systemctl|journalctl|make|ss|ulimit|timedatectl|GET|POST|AIOT_\w+|mosquitto_\w+)\b|--|\{|\[|\.venv/"
    r"|already connected$|persistence true$|Connection Refused: |Unsupported Protocol "
)


@cache
def said() -> list[str]:
    """Every text in the code that a person could see; what is put in is ``…``."""
    texts = []
    for path in (ROOT / "pyaiot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                texts.append(
                    "".join(str(each.value) if isinstance(each, ast.Constant) else "…" for each in node.values)
                )
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.append(re.sub(r"%[-.\d]*[srdfga]", "…", node.value))
    for path in (ROOT / "dashboard" / "src").rglob("strings.ts"):
        texts += [
            re.sub(r"\{\w+\}", "…", text) for text in re.findall(r'"([^"\n]+)"', path.read_text(encoding="utf-8"))
        ]
    return texts


def quoted(page: str) -> Iterator[str]:
    """The sentences in code marks of a page, outside of its blocks of code."""
    text = re.sub(r"```.*?```", "", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.DOTALL)
    for quote in re.findall(r"`([^`\n]+)`", text):
        if " " in quote and not OTHERS.match(quote):
            yield quote


def is_said(quote: str) -> bool:
    """Whether some text of the code has it; a ``…`` of the page stands for anything there."""
    parts = [part.strip() for part in quote.split("…") if part.strip()]
    pattern = re.compile(r".*?".join(map(re.escape, parts)), re.DOTALL)
    return any(pattern.search(text) for text in said())


@pytest.mark.parametrize("page", PAGES)
def test_what_is_quoted_is_said(page: str) -> None:
    quotes = [*quoted(page)]
    assert len(quotes) >= PAGES[page]
    assert [quote for quote in quotes if not is_said(quote)] == []


def test_what_nobody_says_is_found() -> None:
    assert is_said("Cannot reach the broker at …: …; trying until it is there")
    assert not is_said("Cannot reach the broker at …, sorry")
