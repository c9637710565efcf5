# SPDX-License-Identifier: BSD-3-Clause
"""What an HTTP gateway counts. Plain integers, read by whoever exports them as metrics."""

from __future__ import annotations

from dataclasses import dataclass


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
