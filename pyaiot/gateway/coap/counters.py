# SPDX-License-Identifier: BSD-3-Clause
"""What a CoAP gateway counts. Plain integers, read by whoever exports them as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Counters:
    """Each only grows. ``dataclasses.asdict`` gives the names and values of all."""

    #: Datagrams read from the socket, whatever they held.
    datagrams: int = 0
    #: Datagrams that no CoAP message can be, or that are no sensible one (RFC 7252 section 3).
    malformed: int = 0
    #: Datagrams of more than 4096 bytes.
    oversized: int = 0
    #: Datagrams to a multicast or broadcast address, and answers to those that look for CoAP servers.
    multicast: int = 0
    multicast_answered: int = 0
    #: Answers, acknowledgements and resets that nobody waits for, and pings.
    unasked: int = 0
    #: Requests seen before; answered again where the first was confirmable.
    duplicates: int = 0
    #: Requests that were answered 2.xx, and that were answered 4.xx or 5.xx.
    accepted: int = 0
    rejected: int = 0
    #: ``/server`` from an address that no known device has (4.04: please register).
    strangers: int = 0
    #: What the gateway would not take: it is full, or a node has too many resources.
    refused: int = 0
    #: Devices beyond those that one address may have.
    crowded: int = 0
    #: ICMP errors for something sent; normal where firmware never reads its answers.
    icmp_errors: int = 0
    #: Datagrams that the system would not send.
    unsent: int = 0
    #: Discoveries begun, and those that got no answer to GET /.well-known/core.
    discoveries: int = 0
    discoveries_failed: int = 0
    #: Resources read, and failed to be read.
    reads: int = 0
    reads_failed: int = 0
    #: Notifications of observed resources, and those that came out of order (RFC 7641 section 3.4).
    notifications: int = 0
    notifications_stale: int = 0
    #: Writes tried, and those not confirmed.
    writes: int = 0
    writes_failed: int = 0
    #: Faults of this program, each with a traceback in the log.
    internal_errors: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "datagrams": "Datagrams read from the socket, whatever they held",
        "malformed": "Datagrams that no CoAP message can be",
        "oversized": "Datagrams of more than 4096 bytes",
        "multicast": "Datagrams to a multicast or broadcast address",
        "multicast_answered": "Answers to those that look for CoAP servers by multicast",
        "unasked": "Answers, acknowledgements and resets that nobody waits for, and pings",
        "duplicates": "Requests seen before",
        "accepted": "Requests answered 2.xx",
        "rejected": "Requests answered 4.xx or 5.xx",
        "strangers": "Values from addresses that no known device has, answered 4.04",
        "refused": "What the gateway would not take",
        "crowded": "Devices beyond those that one address may have",
        "icmp_errors": "ICMP errors for something sent",
        "unsent": "Datagrams that the system would not send",
        "discoveries": "Discoveries begun",
        "discoveries_failed": "Discoveries without an answer",
        "reads": "Resources read",
        "reads_failed": "Resources that could not be read",
        "notifications": "Notifications of observed resources",
        "notifications_stale": "Notifications that came out of order",
        "writes": "Writes tried",
        "writes_failed": "Writes not confirmed",
        "internal_errors": "Faults of the program, each with a traceback in the log",
    }
