# SPDX-License-Identifier: BSD-3-Clause
"""This host's clock: values are told with their time, and tokens of devices end at one. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pyaiot.doctor.findings import Finding

#: This version is newer than that: a clock that says less is wrong (2026-01-01, Unix time).
EARLIEST_S: Final = 1_767_225_600
#: HTTP tells whole seconds, and an answer takes its time: less is no difference.
MAX_DIFFERENCE_S: Final = 3.0
_SET: Final = "timedatectl set-ntp true   (Debian: apt install systemd-timesyncd, or chrony)"


@dataclass(frozen=True, slots=True)
class Clock:
    """``now_s`` is Unix time; ``synchronised`` what the kernel says (adjtimex(2)), None where it does not.

    ``matters``: others compare their time with this host's, which are brokers elsewhere and who makes tokens; or a
    certificate is shown here, which nobody shows before its time.
    """

    now_s: float
    synchronised: bool | None
    matters: bool


def check_clock(clock: Clock) -> Iterator[Finding]:
    """Whether it can be right, and whether somebody keeps it so."""
    facts = {"now": round(clock.now_s), "synchronised": clock.synchronised}
    if clock.now_s < EARLIEST_S:
        yield Finding(
            check="clock.year",
            level="problem",
            summary="the clock is years behind: this host has none that runs while it is off, and nobody has set it",
            fix=_SET,
            facts=facts,
        )
    elif clock.synchronised is False:
        yield Finding(
            check="clock.synchronised",
            level="warning" if clock.matters else "note",
            summary="nothing keeps the clock right (no NTP)"
            + ("" if clock.matters else "; nothing that is examined here depends on it"),
            fix=_SET if clock.matters else "",
            facts=facts,
        )
    elif clock.synchronised:
        yield Finding(check="clock.synchronised", level="ok", summary="the clock is kept right", facts=facts)


def check_difference(broker: str, difference_s: float | None) -> Iterator[Finding]:
    """``difference_s``: the broker's clock less this one; None where it did not tell."""
    if difference_s is None or abs(difference_s) <= MAX_DIFFERENCE_S:
        return
    way = "ahead of" if difference_s > 0 else "behind"
    yield Finding(
        check="clock.broker",
        level="warning",
        summary=f"the clock of the broker at {broker} is {abs(difference_s):.0f} s {way} this host's",
        fix=f"on both hosts: {_SET}",
        facts={"difference": round(difference_s, 1)},
    )
