# SPDX-License-Identifier: BSD-3-Clause
"""What the embedded MQTT broker counts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from pyaiot.monitoring.families import Family, counted, gauge


@dataclass(slots=True)
class Counters:
    """Each only grows."""

    connections: int = 0
    logins: int = 0
    #: Messages that clients published, and that were sent to subscribers.
    published: int = 0
    delivered: int = 0
    #: Connections that were not taken or not let in, and that were dropped for another one, as there were too many.
    full: int = 0
    crowded_out: int = 0
    #: No whole CONNECT within its time, and no packet within 1.5 times the keepalive.
    no_connect: int = 0
    silent: int = 0
    #: What no client may send, and what this one may not.
    bad_packets: int = 0
    refused_connects: int = 0
    wrong_passwords: int = 0
    forbidden_publishes: int = 0
    forbidden_filters: int = 0
    #: Connections that another one of the same client replaced, whose password was removed, that read too slowly.
    replaced: int = 0
    revoked: int = 0
    too_slow: int = 0
    #: Faults of our own, logged with a traceback.
    internal_errors: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "connections": "Connections taken",
        "logins": "Clients that logged in",
        "published": "Messages that clients published",
        "delivered": "Messages sent to subscribers",
        "full": "Connections not taken or not let in, as there were too many",
        "crowded_out": "Connections dropped for another one, as there were too many",
        "no_connect": "Connections without a whole CONNECT in time",
        "silent": "Connections without a packet within 1.5 times the keepalive",
        "bad_packets": "Packets that no client may send",
        "refused_connects": "CONNECTs refused",
        "wrong_passwords": "Wrong user names or passwords",
        "forbidden_publishes": "Messages that the client may not publish",
        "forbidden_filters": "Subscriptions that the client may not have",
        "replaced": "Connections replaced by another one of the same client",
        "revoked": "Connections ended because their password was removed",
        "too_slow": "Connections that read too slowly",
        "internal_errors": "Faults of the program, each with a traceback in the log",
    }


def families(counters: Counters, clients: int) -> Iterator[Family]:
    """All metrics of the embedded MQTT broker; ``clients``: those that are logged in."""
    yield gauge("aiot_mqtt_broker_clients", "Clients that are logged in", clients)
    yield from counted("aiot_mqtt_broker", counters)
