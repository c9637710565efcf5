# SPDX-License-Identifier: BSD-3-Clause
"""What every adapter has to do (pyaiot.gateway.adapter), as tests to inherit. With pytest and pytest-asyncio::

    class TestMyAdapter(AdapterConformance):
        def make_world(self) -> World:
            return MyWorld()

Each test runs the adapter with real devices in a world of its own. Behind each nothing may be left: no task, no
socket, nothing that reached the event loop's exception handler, and nothing that the contract does not allow.
"""

from __future__ import annotations

from pyaiot.testing.events import Events
from pyaiot.testing.lifetime import Lifetime
from pyaiot.testing.reads import Reads
from pyaiot.testing.robustness import Robustness
from pyaiot.testing.writes import Writes


class AdapterConformance(Lifetime, Events, Writes, Reads, Robustness):
    """All tests. To be inherited by a class whose name begins with ``Test``, which says how to make its world."""
