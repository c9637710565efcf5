# SPDX-License-Identifier: BSD-3-Clause
"""What the broker has counted, as metrics, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pyaiot.broker.dispatch import Dispatch
from pyaiot.broker.hub import Hub
from pyaiot.broker.writes import COUNTED
from pyaiot.monitoring.families import Family, Sample, by_label, counter, gauge


def families(hub: Hub) -> Iterator[Family]:
    """Every metric of the broker."""
    yield gauge("aiot_gateways", "Gateways with a session", len(hub.gateways))
    yield by_label(
        "aiot_gateway_connected",
        "gauge",
        "Whether a gateway that has had a session since the start has one now",
        "gateway",
        hub.sessions(),
    )
    yield gauge("aiot_clients", "Clients connected to /ws and /rpc", len(hub.clients))
    yield gauge("aiot_clients_live", "Clients that are told each change", len(hub.fanout))
    yield Family("aiot_nodes", "gauge", "Nodes, by gateway and state", tuple(_nodes(hub)))
    told = hub.directory.counters
    yield by_label(
        "aiot_gateway_updates_total",
        "counter",
        "Updates from gateways, by what was done with them",
        "outcome",
        {outcome: getattr(told, outcome) for outcome in ("applied", "repeated", "skipped", "refused")},
    )
    counted = hub.counters
    yield counter("aiot_gateway_sessions_total", "Sessions of gateways begun", counted.gateway_sessions)
    yield counter("aiot_gateways_refused_total", "Gateways refused", counted.gateways_refused)
    yield counter("aiot_gateway_frames_total", "Frames taken from gateways", counted.frames)
    yield counter("aiot_gateway_frames_bad_total", "Frames that ended a session", counted.frames_bad)
    yield counter("aiot_peers_evicted_total", "Peers cut off for saying nothing", counted.evicted)
    yield counter("aiot_nodes_expired_total", "Nodes out with a gateway that did not return", told.expired)
    yield counter("aiot_clients_accepted_total", "Clients connected", counted.clients)
    yield counter("aiot_clients_refused_total", "Clients refused", counted.clients_refused)
    yield counter("aiot_clients_fallen_behind_total", "Times a client did not keep up", counted.clients_fallen_behind)
    yield counter(
        "aiot_client_messages_malformed_total", "Messages that ended a client", counted.client_messages_malformed
    )
    yield counter("aiot_changes_told_total", "Changes told to live clients", hub.fanout.delivered)
    yield by_label(
        "aiot_writes_total", "counter", "Writes asked for, by outcome", "outcome", _outcomes(hub.writes.outcomes)
    )
    yield by_label(
        "aiot_reads_total",
        "counter",
        "Readings asked of devices, by outcome",
        "outcome",
        _outcomes(hub.writes.read_outcomes),
    )
    yield gauge("aiot_writes_pending", "Writes and reads whose outcome is not known yet", len(hub.writes))
    yield from _actuations(hub.dispatch)
    yield from _calls(hub)
    yield from _watches(hub)
    yield from _entities(hub)


def _nodes(hub: Hub) -> Iterator[Sample]:
    for name, owner in hub.directory.owners.items():
        unreachable = sum(node.state == "unreachable" for node in owner.nodes.values())
        yield Sample(len(owner.nodes) - unreachable, (("gateway", name), ("state", "online")))
        yield Sample(unreachable, (("gateway", name), ("state", "unreachable")))


def _outcomes(counted: Mapping[str, int]) -> dict[str, int]:
    """All there are from the start, so that a rate is known from the first on."""
    return {code: counted.get(code, 0) for code in COUNTED}


def _actuations(dispatch: Dispatch) -> Iterator[Family]:
    yield by_label(
        "aiot_actuation_requests_total", "counter", "Actuations asked for, by answer", "answer", dispatch.answers
    )
    yield gauge("aiot_actuations_waiting", "Actuations that wait for devices", len(dispatch.parked))
    yield by_label(
        "aiot_actuations_ended_total",
        "counter",
        "Actuations that had waited, by end",
        "state",
        dispatch.parked.endings,
    )


def _calls(hub: Hub) -> Iterator[Family]:
    calls = hub.rpc
    yield counter("aiot_rpc_requests_total", "Requests of JSON-RPC taken", calls.requests)
    yield counter("aiot_rpc_notifications_total", "Notifications of JSON-RPC taken", calls.notifications)
    yield counter("aiot_rpc_messages_malformed_total", "Messages that were no JSON-RPC", calls.malformed)
    yield counter("aiot_rpc_answers_unexpected_total", "Answers to nothing that was asked", calls.unexpected_answers)
    yield counter("aiot_rpc_calls_refused_total", "Calls that were one too many", calls.too_many)
    yield counter("aiot_rpc_timeouts_total", "Calls to clients without an answer in time", calls.timeouts)
    yield counter("aiot_rpc_clients_cut_off_total", "Clients that did not read", hub.counters.rpc_clients_cut_off)


def _entities(hub: Hub) -> Iterator[Family]:
    entities = hub.entities
    yield gauge("aiot_entities", "Programs that have registered", len(entities.registry.entities))
    yield gauge("aiot_entity_calls_pending", "Calls to them under way", len(entities.calls))
    yield by_label("aiot_entity_calls_total", "counter", "Calls to entities, by end", "outcome", entities.calls.endings)
    yield counter("aiot_entity_publications_told_total", "Publications, once for each subscriber", entities.published)
    yield counter(
        "aiot_arip_messages_malformed_total", "Messages to /arip that asked for nothing", hub.counters.arip_malformed
    )


def _watches(hub: Hub) -> Iterator[Family]:
    counters, told = hub.watches.counters, hub.watches.fanout
    yield gauge("aiot_rpc_watches", "Watches of nodes", len(hub.watches))
    yield counter("aiot_rpc_watches_begun_total", "Watches of nodes begun", counters.watches)
    yield counter("aiot_rpc_watches_resumed_total", "Watches that went on from a version", counters.resumed)
    yield counter(
        "aiot_rpc_watchers_fallen_behind_total", "Times a watching client did not keep up", told.fallen_behind
    )
    yield counter("aiot_rpc_changes_told_total", "Changes told to live watches", told.delivered)
