# SPDX-License-Identifier: BSD-3-Clause
"""Whether a service can do its work, as it is said at ``/health``. Pure: times are seconds, given in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

#: A gateway may be without its broker for so long before that is called trouble: a restart takes less.
AWAY_OK_S: Final = 30.0

Fact = str | int | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Health:
    """``trouble``: why it cannot do its work, one sentence without a full stop, and for how long so far; empty: it can.

    ``facts``: what else is worth knowing, by name.
    """

    trouble: str = ""
    for_s: float = 0.0
    facts: Mapping[str, Fact] = field(default_factory=dict)


def link_health(to: str, away_s: float | None, why: str, facts: Mapping[str, Fact]) -> Health:
    """Of who lives by a link ``to`` somebody, which has been away for ``away_s`` (None: it is there), and why."""
    if away_s is None or away_s < AWAY_OK_S:
        return Health(facts=facts)
    return Health(f"no session with {to}{f': {why}' if why else ''}", away_s, facts)


def worst(first: Health, second: Health) -> Health:
    """Of two healths of one service the one to tell, with the facts of both."""
    facts = {**first.facts, **second.facts}
    told = second if second.trouble and not first.trouble else first
    return Health(told.trouble, told.for_s, facts)


def of_all(parts: Mapping[str, Health]) -> Health:
    """Of a process with several services, by name: well if all are."""
    ill = {name: health for name, health in parts.items() if health.trouble}
    return Health(
        "; ".join(f"{name}: {health.trouble}" for name, health in ill.items()),
        max((health.for_s for health in ill.values()), default=0.0),
        {name: {"status": status(health), **health.facts} for name, health in parts.items()},
    )


def status(health: Health) -> str:
    """``ok`` or ``degraded``."""
    return "degraded" if health.trouble else "ok"


def document(health: Health, *, service: str, version: str, since: str) -> dict[str, Any]:
    """The JSON object of ``/health``; ``since`` is the moment when the trouble began, RFC 3339."""
    told = {"status": status(health), "service": service, "version": version}
    if health.trouble:
        told |= {"reason": health.trouble, "since": since}
    return {**told, **health.facts}
