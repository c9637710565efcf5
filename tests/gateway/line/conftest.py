# SPDX-License-Identifier: BSD-3-Clause
"""On both event loops."""

from __future__ import annotations

import pytest

from tests.gateway.loops import Factories, loop_factories


@pytest.hookimpl(optionalhook=True)
def pytest_asyncio_loop_factories(item: pytest.Item) -> Factories:
    """What uses the socket is tested on both event loops."""
    return loop_factories(item)
