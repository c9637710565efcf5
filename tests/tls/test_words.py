# SPDX-License-Identifier: BSD-3-Clause
"""What is said of certificates: how long they hold, and why they are not trusted."""

from __future__ import annotations

import pytest

from pyaiot.tls.validity import Validity
from pyaiot.tls.verification import why_no_handshake, why_not_trusted

DAY_S = 86_400
LATE = "expired on 2020-03-31 00:00 UTC: nobody is let in who looks at it; renew it"
HOLDS = Validity(1_000 * DAY_S, 1_090 * DAY_S, "2020-01-01 00:00 UTC", "2020-03-31 00:00 UTC")


@pytest.mark.parametrize(
    ("day", "refusal", "warning"),
    [
        (999, "begins to hold on 2020-01-01 00:00 UTC: is this host's clock right?", None),
        (1_000, None, None),
        (1_059.9, None, None),
        (1_060.5, None, "expires in 29 days, on 2020-03-31 00:00 UTC: renew it"),
        (1_088.5, None, "expires in 1 day, on 2020-03-31 00:00 UTC: renew it"),
        (1_089.5, None, "expires in 0 days, on 2020-03-31 00:00 UTC: renew it"),
        (1_090, "expired on 2020-03-31 00:00 UTC: renew it", LATE),
    ],
)
def test_how_long_it_holds(day: float, refusal: str | None, warning: str | None) -> None:
    assert HOLDS.refusal(day * DAY_S) == refusal
    assert HOLDS.warning(day * DAY_S) == warning


@pytest.mark.parametrize(
    ("code", "message", "said"),
    [
        (10, "certificate has expired", "its certificate, or its CA's, has expired: renew"),
        (9, "certificate is not yet valid", "clock"),
        (18, "self-signed certificate", "say --broker-ca with"),
        (20, "unable to get local issuer certificate", "say --broker-ca with"),
        (62, "Hostname mismatch, certificate is not valid for 'hut'.", "(Hostname mismatch, certificate is not valid"),
        (23, "certificate revoked", "is not trusted (certificate revoked)"),
    ],
)
def test_why_it_is_not_trusted(code: int, message: str, said: str) -> None:
    assert said in why_not_trusted(code, message, "--broker-ca")


def test_who_speaks_no_tls() -> None:
    assert why_no_handshake("WRONG_VERSION_NUMBER") == "what answers there does not speak TLS"
    assert why_no_handshake("TLSV1_ALERT_PROTOCOL_VERSION") == "no TLS connection: tlsv1 alert protocol version"
    assert why_no_handshake(None) == "no TLS connection: it ended the handshake"
