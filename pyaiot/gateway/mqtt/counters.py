# SPDX-License-Identifier: BSD-3-Clause
"""What an MQTT gateway counts. Plain integers, read by whoever exports them as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Counters:
    """Each only grows. ``dataclasses.asdict`` gives the names and values of all."""

    #: Messages from the MQTT broker, whatever they held.
    messages: int = 0
    #: Those that it had retained: ignored.
    retained: int = 0
    #: Commands to devices that it had retained, found when the gateway connected.
    retained_commands: int = 0
    #: Those that came for the second time, after a lost connection: acknowledged, not reported again.
    duplicates: int = 0
    #: Those of more than 64 KiB: acknowledged, not read.
    oversized: int = 0
    #: Empty ones, which is how a retained message is taken back.
    empty: int = 0
    #: Topics and ids that cannot be: refused.
    bad_names: int = 0
    #: Payloads that cannot be read: refused.
    bad_payloads: int = 0
    #: What the gateway would not take: it is full, or a node has too many resources.
    refused: int = 0
    #: Nodes asked for their resources, and those that could not be asked.
    discoveries: int = 0
    discoveries_failed: int = 0
    #: Messages that were not sent: the MQTT broker is away, or has too many of ours not acknowledged.
    unsent: int = 0
    #: Writes tried, and those not confirmed.
    writes: int = 0
    writes_failed: int = 0
    reads: int = 0
    reads_failed: int = 0
    #: How often reading was stopped because the broker takes less than devices say.
    pauses: int = 0
    #: Connections that the MQTT broker admitted, and connections or tries that failed.
    connections: int = 0
    losses: int = 0
    #: Faults of this program, each with a traceback in the log.
    internal_errors: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "messages": "Messages from the MQTT broker, whatever they held",
        "retained": "Messages that the MQTT broker had retained, ignored",
        "retained_commands": "Commands to devices found retained when the gateway connected",
        "duplicates": "Messages that came again after a lost connection, not reported again",
        "oversized": "Messages of more than 64 KiB, not read",
        "empty": "Empty messages",
        "bad_names": "Topics and ids that cannot be",
        "bad_payloads": "Payloads that cannot be read",
        "refused": "What the gateway would not take",
        "discoveries": "Nodes asked for their resources",
        "discoveries_failed": "Nodes that could not be asked for their resources",
        "unsent": "Messages not sent, as the MQTT broker was away or behind",
        "writes": "Writes tried",
        "writes_failed": "Writes not confirmed",
        "reads": "Reads tried",
        "reads_failed": "Reads without an answer",
        "pauses": "Times that reading was stopped because the broker takes less than devices say",
        "connections": "Connections that the MQTT broker admitted",
        "losses": "Connections, and tries to make one, that failed",
        "internal_errors": "Faults of the program, each with a traceback in the log",
    }
