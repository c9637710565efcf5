# SPDX-License-Identifier: BSD-3-Clause
"""What a device says, values and what they are, on its way to the gateway; for devices of every kind. Pure."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET

from pyaiot.gateway.adapter import Refused
from pyaiot.gateway.ws.payloads import Description, Update
from pyaiot.gateway.ws.residents import Residents
from pyaiot.gateway.ws.sessions.contract import Code, Rejected

#: Told of each value that was not taken: uid, resource, reason. Whether the session still speaks for the node.
OnRefused = Callable[[str, str, Refused], bool]


def report(update: Update, uid: str, residents: Residents, refused: OnRefused) -> int:
    """Report the values of ``update`` as those of the node ``uid``; how many they are, 1 at least. Raises Rejected."""
    events = residents.events
    if events is None:
        raise Rejected(Code.GOING_AWAY, "the gateway stops")
    data, units, age_ms = update.data, update.units, update.age
    if not data:
        events.seen(uid)
        return 1
    not_taken: set[str] = set()
    for resource, value in data.items():
        try:
            events.updated(uid, resource, value, unit=None if units is UNSET else units.get(resource), age_ms=age_ms)
        except Refused as error:
            residents.counters.refused += 1
            not_taken.add(resource)
            if not refused(uid, resource, error):
                return 1
    residents.counters.updates += len(data) - len(not_taken)
    if residents.questions:
        for resource in data:
            if resource not in not_taken:
                residents.questions.reported(uid, resource.removeprefix("/"))
    if residents.confirmations:
        for resource, value in data.items():
            if resource not in not_taken:
                residents.confirmations.reported(uid, resource.removeprefix("/"), value)
    return len(data)


def describe(description: Description, uid: str, residents: Residents, refused: OnRefused) -> int:
    """Report what the resources of the node ``uid`` are; how many they are, 1 at least. Raises Rejected."""
    events = residents.events
    if events is None:
        raise Rejected(Code.GOING_AWAY, "the gateway stops")
    events.seen(uid)
    for resource, about in description.data.items():
        try:
            events.described(uid, resource, about)
        except Refused as error:
            residents.counters.refused += 1
            if not refused(uid, resource, error):
                break
    return len(description.data) or 1
