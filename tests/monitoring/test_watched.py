# SPDX-License-Identifier: BSD-3-Clause
"""A service is watched over also where others are beside it: what announces it, what renews its certificate."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyaiot.announce.announcer import Announced
from pyaiot.lifecycle import Ready, Service
from pyaiot.monitoring.families import Family
from pyaiot.monitoring.health import Health
from pyaiot.monitoring.watched import watched_in
from pyaiot.tls.certificate import ServerCertificate
from pyaiot.tls.renewal import renewing
from tests.tls.authority import Authority


class Plain:
    async def run(self, ready: Ready) -> None:
        """Nothing."""


class Counting(Plain):
    def families(self) -> list[Family]:
        return []

    def health(self) -> Health:
        return Health("it is a test")


@pytest.mark.parametrize("wrapped", [lambda one: one, lambda one: Announced(one, "auto", list)])
def test_what_is_watched_is_the_service_itself(wrapped: object) -> None:
    counting: Service = Counting()
    assert callable(wrapped)
    assert watched_in(wrapped(counting)) is counting
    assert watched_in(wrapped(Plain())) is None


def test_a_certificate_is_watched_with_the_service_that_shows_it(tmp_path: Path) -> None:
    issued = Authority(tmp_path).issue("localhost")
    certificate = ServerCertificate(str(issued.certificate), str(issued.key))
    for service, trouble in ((Counting(), "it is a test"), (Plain(), "")):
        watched = watched_in(renewing(Announced(service, "auto", list), certificate))
        assert watched is not None
        assert watched.health().trouble == trouble
        assert "aiot_tls_handshakes_failed_total" in [family.name for family in watched.families()]
