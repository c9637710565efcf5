# SPDX-License-Identifier: BSD-3-Clause
"""What an HTTP gateway counts. Plain integers, read by whoever exports them as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar


@dataclass(slots=True)
class Counters:
    """Each only grows. ``dataclasses.asdict`` gives the names and values of all."""

    #: Requests, whatever they asked for, and those that were refused by their head: Host, Origin, password, token.
    requests: int = 0
    denied: int = 0
    #: Requests that were one too many of their device (429), and bodies that gave way to others (408).
    too_many: int = 0
    gave_way: int = 0
    #: Passwords and tokens that were wrong, and of those: answered at once, because so many were being delayed.
    wrong_passwords: int = 0
    undelayed: int = 0
    #: Bodies that could not be read (400), that were too long (413), of types that are not read (415).
    bad_bodies: int = 0
    oversized: int = 0
    bad_types: int = 0
    #: Values taken, and not taken: the node has too many resources, the name can be no resource's …
    values: int = 0
    refused: int = 0
    #: Requests that had to wait because the broker takes too little, and that waited in vain (503).
    held: int = 0
    turned_away: int = 0
    #: Times that a device asked for commands, commands given out, and polls ended by a newer one of the same device.
    polls: int = 0
    commands: int = 0
    replaced: int = 0
    #: Writes tried, and those not confirmed.
    writes: int = 0
    writes_failed: int = 0
    #: Faults of this program, each with a traceback in the log.
    internal_errors: int = 0

    #: What each is called among the metrics.
    HELP: ClassVar[Mapping[str, str]] = {
        "requests": "Requests, whatever they asked for",
        "denied": "Requests refused for their Host, Origin, password or token",
        "too_many": "Requests that were one too many of their device, answered 429",
        "gave_way": "Bodies that gave way to others, answered 408",
        "wrong_passwords": "Passwords and tokens that were wrong",
        "undelayed": "Wrong passwords answered at once, as so many were being delayed",
        "bad_bodies": "Bodies that could not be read, answered 400",
        "oversized": "Bodies that were too long, answered 413",
        "bad_types": "Bodies of types that are not read, answered 415",
        "values": "Values taken",
        "refused": "Values not taken",
        "held": "Requests that had to wait because the broker takes too little",
        "turned_away": "Requests that waited in vain, answered 503",
        "polls": "Times that a device asked for commands",
        "commands": "Commands given out",
        "replaced": "Polls ended by a newer one of the same device",
        "writes": "Writes tried",
        "writes_failed": "Writes not confirmed",
        "internal_errors": "Faults of the program, each with a traceback in the log",
    }
