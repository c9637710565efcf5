# SPDX-License-Identifier: BSD-3-Clause
"""What the embedded MQTT broker counts. Pure."""

from __future__ import annotations

from dataclasses import dataclass


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
