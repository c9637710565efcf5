# SPDX-License-Identifier: BSD-3-Clause
"""A host of its own for each test, on which nothing runs any more when the test is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pyaiot.cli.generate_keys import make_all
from pyaiot.keys import Keys
from tests.process.processes import Host


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[Host]:
    """A host without keys. At the end, no command may have shown a traceback or a fault of its own."""
    made = Host(tmp_path)
    try:
        yield made
    finally:
        await made.close()
    assert made.faults() == []


@pytest.fixture
def keys(host: Host) -> Keys:
    """The keys of ``host``, where its commands look for them."""
    return make_all(host.key_file, force=False)
