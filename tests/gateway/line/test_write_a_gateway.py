# SPDX-License-Identifier: BSD-3-Clause
"""docs/write-a-gateway.md shows what is in the example, and says what is so."""

from __future__ import annotations

import re
from pathlib import Path

from pyaiot.gateway.errands import DISCOVERY_S
from pyaiot.gateway.service import ADAPTER_STOP_S
from pyaiot.gateway.updates import MAX_VALUE_BYTES
from pyaiot.nodes.registry import MAX_NODES, MAX_RESOURCES_PER_NODE

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "write-a-gateway.md").read_text(encoding="utf-8")


def test_the_code_on_the_page_is_that_of_the_example() -> None:
    files = [*(ROOT / "docs" / "examples").glob("*.py"), ROOT / "tests/gateway/line/test_line_conformance.py"]
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    # Its reader has the example in a folder of their own.
    code = code.replace("from docs.examples.line_world import LineWorld\n", "from line_world import LineWorld\n\n")
    shown = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(shown) >= 4
    for block in shown:
        assert block in code, block


def test_the_limits_on_the_page_are_those_of_the_code() -> None:
    for figure in (
        f"{MAX_RESOURCES_PER_NODE} resources a node",
        f"{MAX_VALUE_BYTES // 1024} KiB a value, {MAX_NODES:,} nodes",
        f"a discovery {DISCOVERY_S:.0f} s, `stop` {ADAPTER_STOP_S:.0f} s",
    ):
        assert figure in PAGE
