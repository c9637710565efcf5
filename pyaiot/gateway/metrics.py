# SPDX-License-Identifier: BSD-3-Clause
"""What a gateway tells of itself, as metrics: its nodes, its link to the broker, its adapter's counters. Pure.

Every sample has the gateway's name, so that one process may tell of several. What an adapter has counted is told as
``aiot_<protocol>_<name>_total`` for each integer of its ``counters``, a dataclass, with the words of its ``HELP``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.outbox import Kind, Outbox
from pyaiot.monitoring.families import Family, by_label, counted, counter, gauge, labelled

#: The kinds that there are from the start, so that a rate is known from the first on.
OUTCOMES = ("ok", "offline", "timeout", "refused", "unsupported", "unknown", "busy", "expired", "failed")
REASONS_OUT = ("timeout", "closed", "deregistered")
REFUSALS = ("about", "full", "name", "reserved", "timeout", "unknown", "value")


@dataclass(frozen=True, slots=True)
class Link:
    """How the link to the broker is: ``away_s`` and ``delay_s`` are 0 while there is a session.

    ``healthy``: the gateway can do its work, as it says at ``/health``.
    """

    connected: bool
    healthy: bool
    away_s: float
    delay_s: float
    sessions: int
    losses: int


def families(
    name: str, protocol: str, link: Link, core: GatewayCore, outbox: Outbox, counters: Any
) -> Iterator[Family]:
    """All metrics of the gateway ``name``; ``counters`` are its adapter's, None: it has none."""
    for each in (_link(link), _outbox(outbox), _core(core), adapter_families(protocol, counters)):
        yield from labelled(each, gateway=name)


def adapter_families(protocol: str, counters: Any) -> Iterator[Family]:
    """What an adapter has counted, if that is a dataclass."""
    return counted(f"aiot_{re.sub('[^a-z0-9]', '_', protocol.lower())}", counters)


def _link(link: Link) -> Iterator[Family]:
    yield gauge("aiot_gateway_healthy", "Whether the gateway can do its work, as it says at /health", link.healthy)
    yield gauge("aiot_uplink_connected", "Whether the gateway has a session with the broker", link.connected)
    yield gauge("aiot_uplink_away_seconds", "How long the gateway has been without a session", link.away_s)
    yield gauge("aiot_uplink_retry_delay_seconds", "How long the gateway waits before it tries again", link.delay_s)
    yield counter("aiot_uplink_sessions_total", "Sessions with the broker begun", link.sessions)
    yield counter("aiot_uplink_losses_total", "Sessions, and tries to begin one, that failed", link.losses)


def _outbox(outbox: Outbox) -> Iterator[Family]:
    yield by_label(
        *("aiot_outbox_messages", "gauge", "Messages that the broker has not acknowledged, by state", "state"),
        {"waiting": outbox.waiting, "in_flight": outbox.in_flight},
    )
    yield gauge("aiot_outbox_bytes", "Size of the messages that the broker has not acknowledged", outbox.stored_bytes)
    yield by_label(
        *("aiot_outbox_dropped_total", "counter", "Messages dropped because the outbox was full, by kind", "kind"),
        {kind.name.lower(): outbox.dropped[kind] for kind in Kind},
    )


def _core(core: GatewayCore) -> Iterator[Family]:
    counted = core.counters
    yield gauge("aiot_gateway_nodes", "Nodes that the gateway knows", len(core.registry.nodes))
    yield counter("aiot_gateway_nodes_new_total", "Nodes that were new", counted.nodes_new)
    yield by_label(
        *("aiot_gateway_nodes_out_total", "counter", "Nodes that went out, by reason", "reason"),
        {reason: counted.out[reason] for reason in (*REASONS_OUT, *counted.out)},
    )
    yield counter("aiot_gateway_resets_total", "Nodes that rebooted", counted.resets)
    yield counter("aiot_gateway_values_total", "Values told to the broker", counted.updates)
    yield counter(
        "aiot_gateway_values_unread_total", "Values too long to read, told as they came", counted.unread_values
    )
    yield counter("aiot_gateway_signs_of_life_total", "Signs of life told to the broker", counted.seen)
    yield by_label(
        "aiot_gateway_reports_refused_total",
        "counter",
        "What devices said and the gateway did not take, by reason",
        "reason",
        {reason: counted.refused[reason] for reason in (*REFUSALS, *counted.refused)},
    )
    yield counter("aiot_gateway_messages_refused_total", "What the broker did not take", counted.refused_by_broker)
    yield by_label(
        *("aiot_gateway_writes_total", "counter", "Writes that the broker asked for, by outcome", "outcome"),
        {outcome: counted.writes[outcome] for outcome in (*OUTCOMES, *counted.writes)},
    )
    yield by_label(
        *("aiot_gateway_reads_total", "counter", "Reads that the broker asked for, by outcome", "outcome"),
        {outcome: counted.reads[outcome] for outcome in (*OUTCOMES, *counted.reads)},
    )
    yield gauge("aiot_gateway_writes_pending", "Writes under way", len(core.requests.writes))
    yield gauge("aiot_gateway_reads_pending", "Reads under way", len(core.requests.reads))
    yield counter(
        "aiot_gateway_writes_repeated_total", "Writes and reads asked for twice, not run again", counted.writes_repeated
    )
    yield counter(
        "aiot_gateway_writes_late_total", "Writes and reads that ended when they had been answered", counted.writes_late
    )
    yield counter("aiot_gateway_resyncs_total", "Times that the broker was told everything again", counted.resyncs)
    yield counter(
        "aiot_gateway_adapter_faults_total",
        "Faults of the adapter, each with a traceback in the log",
        counted.adapter_faults,
    )
