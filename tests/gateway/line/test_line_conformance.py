# SPDX-License-Identifier: BSD-3-Clause
"""The example of docs/write-a-gateway.md does what every adapter has to do."""

from __future__ import annotations

from docs.examples.line_world import LineWorld
from pyaiot.testing.conformance import AdapterConformance


class TestLineAdapter(AdapterConformance):
    def make_world(self) -> LineWorld:
        return LineWorld()
