# SPDX-License-Identifier: BSD-3-Clause
"""What the core wants done by the adapter, and what the core has counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from pyaiot.wire.messages import JSON, OutReason


@dataclass(frozen=True, slots=True)
class Discover:
    """Ask the node what it offers; what is under way for it already is started over."""

    uid: str


@dataclass(frozen=True, slots=True)
class Forget:
    """The node is out, and why: the adapter drops what it has of it."""

    uid: str
    why: OutReason


@dataclass(frozen=True, slots=True, eq=False)
class Perform:
    """Write ``data`` to the node's resource, and tell how it ended (Requests.write_done, write_failed)."""

    id: int
    uid: str
    resource: str
    data: JSON


@dataclass(frozen=True, slots=True, eq=False)
class Ask:
    """Have the node say what the resource is now, and tell how it ended (Requests.read_ended)."""

    id: int
    uid: str
    resource: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """The time of the write or read is over, or its node is out: stop it, then tell the core how it ended.

    It may have been answered already. Nothing is to be done where the core has just been told that it ended.
    """

    order: Perform | Ask


Order: TypeAlias = Discover | Forget | Perform | Ask | Abandon


@dataclass(slots=True)
class Counters:
    """What happened at the gateway since its start."""

    updates: int = 0
    seen: int = 0
    nodes_new: int = 0
    resets: int = 0
    #: Values that an update could not be read from, and that went as they came.
    unread_values: int = 0
    #: Nodes that went out, by reason.
    out: Counter[str] = field(default_factory=Counter)
    #: What devices said and the gateway did not take: ``name``, ``unknown``, ``full``, ``value``, ``about``,
    #: ``timeout``, ``reserved`` (a resource that the gateway itself states).
    refused: Counter[str] = field(default_factory=Counter)
    #: What the gateway said and the broker did not take.
    refused_by_broker: int = 0
    #: Writes by outcome: ``ok``, or the code of the result.
    writes: Counter[str] = field(default_factory=Counter)
    #: Writes and reads that the broker asked for a second time, and that were not run again.
    writes_repeated: int = 0
    #: Reads likewise.
    reads: Counter[str] = field(default_factory=Counter)
    #: Outcomes that came when the write or read had been answered already: it timed out, or the node of a read was out.
    writes_late: int = 0
    #: Resyncs begun.
    resyncs: int = 0
    #: Exceptions of an adapter that are not in its contract: faults of ours, logged with their traceback.
    adapter_faults: int = 0
