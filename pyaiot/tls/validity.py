# SPDX-License-Identifier: BSD-3-Clause
"""From when until when a certificate holds (RFC 5280 section 4.1.2.5), in words. Pure: the time comes in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyaiot.monitoring.families import Family, gauge

_DAY_S: Final = 86_400
#: With less than this left it is said in the log. Who renews by program does so at 30 days of 90.
WARN_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class Validity:
    """Both ends in seconds since 1970, and as people read them (UTC)."""

    begins_at: float
    ends_at: float
    begins: str
    ends: str

    def refusal(self, now: float) -> str | None:
        """Why nobody would take the certificate at ``now`` (seconds since 1970), and what to do; None: it holds."""
        if now >= self.ends_at:
            return f"expired on {self.ends}: renew it"
        if now < self.begins_at:
            return f"begins to hold on {self.begins}: is this host's clock right?"
        return None

    def warning(self, now: float) -> str | None:
        """What to say when it soon holds no more, or does already; None: there is time."""
        left_s = self.ends_at - now
        if left_s <= 0:
            return f"expired on {self.ends}: nobody is let in who looks at it; renew it"
        if left_s > WARN_DAYS * _DAY_S:
            return None
        days = int(left_s // _DAY_S)
        return f"expires in {days} day{'s' * (days != 1)}, on {self.ends}: renew it"


def families(validity: Validity) -> Iterator[Family]:
    """The metrics of a certificate."""
    yield gauge(
        "aiot_tls_certificate_end_timestamp_seconds",
        "When the TLS certificate expires, in seconds since 1970",
        validity.ends_at,
    )
