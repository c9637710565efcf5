# SPDX-License-Identifier: BSD-3-Clause
"""What a WebSocket gateway counts. Plain integers, read by whoever exports them as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Counters:
    """Each only grows. ``dataclasses.asdict`` gives the names and values of all."""

    #: Connections made, and of those: too many (in all, or of one address), refused by HTTP, upgraded.
    connections: int = 0
    crowded: int = 0
    rejected: int = 0
    opened: int = 0
    #: Connections without a whole request in time, and those whose device did not say who it is in time.
    late_requests: int = 0
    unnamed: int = 0
    #: Messages of devices, and the values in them.
    messages: int = 0
    updates: int = 0
    #: Messages that closed their connection (1003, 1007; 1008: in too many frames), and frames that did (1002, 1009).
    bad_messages: int = 0
    bad_frames: int = 0
    #: Keys that were wrong or missing.
    wrong_keys: int = 0
    #: Tokens that were not good, and connections whose token's time was over, or whose key was not good any more.
    bad_tokens: int = 0
    revoked: int = 0
    #: Values that the gateway would not take: the node has too many resources, or the gateway too many nodes.
    refused: int = 0
    #: Connections replaced by a newer one of the same device.
    replaced: int = 0
    #: Connections that answered no ping, and those that did not read what was sent to them.
    silent: int = 0
    slow: int = 0
    #: Connections whose device had hung up while they were not read.
    hung_up: int = 0
    #: Times that a connection was not read for a while: it said too much, or the broker takes too little.
    paced: int = 0
    held: int = 0
    #: Writes tried, and those not confirmed.
    writes: int = 0
    writes_failed: int = 0
    reads: int = 0
    reads_failed: int = 0
    #: Faults of this program, each with a traceback in the log.
    internal_errors: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "connections": "Connections made",
        "crowded": "Connections that were too many, in all or of one address",
        "rejected": "Connections refused by HTTP",
        "opened": "Connections upgraded to WebSocket",
        "late_requests": "Connections without a whole request in time",
        "unnamed": "Connections whose device did not say who it is in time",
        "messages": "Messages of devices",
        "updates": "Values in messages of devices",
        "bad_messages": "Messages that closed their connection",
        "bad_frames": "Frames that closed their connection",
        "wrong_keys": "Keys that were wrong or missing",
        "bad_tokens": "Tokens that were not good",
        "revoked": "Connections ended because their key or token was good no more",
        "refused": "Values that the gateway would not take",
        "replaced": "Connections replaced by a newer one of the same device",
        "silent": "Connections that answered no ping",
        "slow": "Connections that did not read what was sent to them",
        "hung_up": "Connections whose device had hung up while they were not read",
        "paced": "Times that a connection was not read for a while because it said too much",
        "held": "Times that a connection was not read for a while because the broker takes too little",
        "writes": "Writes tried",
        "writes_failed": "Writes not confirmed",
        "reads": "Reads tried",
        "reads_failed": "Reads without an answer",
        "internal_errors": "Faults of the program, each with a traceback in the log",
    }
