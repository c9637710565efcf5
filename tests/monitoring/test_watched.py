# SPDX-License-Identifier: BSD-3-Clause
"""A service is watched over also where others are beside it: what announces it, what renews its certificate."""

from __future__ import annotations

import pytest

from pyaiot.announce.announcer import Announced
from pyaiot.lifecycle import Ready, Service
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.monitoring.watched import watched_in
from pyaiot.tls.renewal import _Both


class Plain:
    async def run(self, ready: Ready) -> None:
        """Nothing."""


class Counting(Plain):
    def families(self) -> list[Family]:
        return []

    def health(self) -> Health:
        return Health("it is a test")


@pytest.mark.parametrize("wrapped", [lambda one: one, lambda one: _Both(Announced(one, "auto", list), None)])
def test_what_is_watched_is_the_service_itself(wrapped: object) -> None:
    counting: Service = Counting()
    assert callable(wrapped)
    assert watched_in(wrapped(counting)) is counting
    assert watched_in(wrapped(Plain())) is None
