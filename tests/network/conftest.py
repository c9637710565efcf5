# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts on one cable, and a home for the commands that run on them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.network.namespaces import NetHost, is_possible, two_hosts
from tests.process.processes import ROOT, Host


@pytest.fixture
def hosts() -> Iterator[tuple[NetHost, NetHost]]:
    """Skips, loudly, where no network namespaces can be made."""
    if not is_possible():
        message = "needs network namespaces: the rights of root"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    with two_hosts() as both:
        yield both


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Host]:
    """Where commands are started and ended; none may have shown a traceback."""
    made = Host(tmp_path)
    made.environment |= {"PYTHONPATH": str(ROOT), "PATH": f"{made.environment['PATH']}:/usr/sbin:/sbin"}
    try:
        yield made
    finally:
        await made.close()
    assert made.faults() == []
