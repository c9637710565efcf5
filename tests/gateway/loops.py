# SPDX-License-Identifier: BSD-3-Clause
"""The event loops on which adapters are tested: both, for their sockets and transports differ."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

Factories = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

SERVICES: Factories = {"uvloop": uvloop.new_event_loop}
BOTH: Factories = {"asyncio": asyncio.new_event_loop, **SERVICES}
#: Of the tests that adapters inherit, which cannot be marked: those that are dear and no matter of the loop.
DEAR = frozenset(
    (
        "test_memory_does_not_grow_by_devices_that_come_and_go",
        # They wait until a write has had its time.
        "test_a_refused_write_is_refused",
        "test_a_write_that_is_not_answered_is_never_taken_for_done",
    )
)


def loop_factories(item: pytest.Item) -> Factories:
    """For one test: both loops; or, where it is marked ``one_loop``, the one on which services run."""
    if item.get_closest_marker("one_loop") or getattr(item, "originalname", item.name) in DEAR:
        return SERVICES
    return BOTH
