# SPDX-License-Identifier: BSD-3-Clause
"""``/metrics``: the broker's counters in Prometheus' text format, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pyaiot.broker.dispatch import Dispatch
from pyaiot.broker.hub import Hub


class BrokerCollector(Collector):
    """Reads a hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Every metric of the broker, by Prometheus' naming conventions."""
        hub = self._hub
        yield GaugeMetricFamily("aiot_gateways", "Gateways with a session", value=len(hub.gateways))
        yield GaugeMetricFamily("aiot_clients", "Clients connected to /ws and /rpc", value=len(hub.clients))
        yield GaugeMetricFamily("aiot_clients_live", "Clients that are told each change", value=len(hub.fanout))
        nodes = GaugeMetricFamily("aiot_nodes", "Nodes, by gateway and state", labels=["gateway", "state"])
        for name, owner in hub.directory.owners.items():
            unreachable = sum(node.state == "unreachable" for node in owner.nodes.values())
            nodes.add_metric([name, "online"], len(owner.nodes) - unreachable)
            nodes.add_metric([name, "unreachable"], unreachable)
        yield nodes
        messages = CounterMetricFamily(
            "aiot_gateway_updates", "Updates from gateways, by what was done with them", labels=["outcome"]
        )
        counters = hub.directory.counters
        for outcome in ("applied", "repeated", "skipped", "refused"):
            messages.add_metric([outcome], getattr(counters, outcome))
        yield messages
        yield _counter("aiot_gateway_sessions", "Sessions of gateways begun", hub.counters.gateway_sessions)
        yield _counter("aiot_gateways_refused", "Gateways refused", hub.counters.gateways_refused)
        yield _counter("aiot_gateway_frames", "Frames taken from gateways", hub.counters.frames)
        yield _counter("aiot_gateway_frames_bad", "Frames that ended a session", hub.counters.frames_bad)
        yield _counter("aiot_peers_evicted", "Peers cut off for saying nothing", hub.counters.evicted)
        yield _counter("aiot_nodes_expired", "Nodes out with a gateway that did not return", counters.expired)
        yield _counter("aiot_clients_accepted", "Clients connected", hub.counters.clients)
        yield _counter("aiot_clients_refused", "Clients refused", hub.counters.clients_refused)
        yield _counter(
            "aiot_clients_fallen_behind", "Times a client did not keep up", hub.counters.clients_fallen_behind
        )
        yield _counter(
            "aiot_client_messages_malformed", "Messages that ended a client", hub.counters.client_messages_malformed
        )
        yield _counter("aiot_changes_told", "Changes told to live clients", hub.fanout.delivered)
        writes = CounterMetricFamily("aiot_writes", "Writes asked for, by outcome", labels=["outcome"])
        for outcome, count in sorted(hub.writes.outcomes.items()):
            writes.add_metric([outcome], count)
        yield writes
        reads = CounterMetricFamily("aiot_reads", "Readings asked of devices, by outcome", labels=["outcome"])
        for outcome, count in sorted(hub.writes.read_outcomes.items()):
            reads.add_metric([outcome], count)
        yield reads
        yield GaugeMetricFamily(
            "aiot_writes_pending", "Writes and reads whose outcome is not known yet", value=len(hub.writes)
        )
        yield from _actuations(hub.dispatch)
        yield from _calls(hub)
        yield from _watches(hub)
        yield from _entities(hub)


def _actuations(dispatch: Dispatch) -> Iterator[Metric]:
    requests = CounterMetricFamily("aiot_actuation_requests", "Actuations asked for, by answer", labels=["answer"])
    for answer, count in dispatch.answers.items():
        requests.add_metric([answer], count)
    yield requests
    yield GaugeMetricFamily("aiot_actuations_waiting", "Actuations that wait for devices", value=len(dispatch.parked))
    endings = CounterMetricFamily("aiot_actuations_ended", "Actuations that had waited, by end", labels=["state"])
    for state, count in dispatch.parked.endings.items():
        endings.add_metric([state], count)
    yield endings


def _calls(hub: Hub) -> Iterator[Metric]:
    calls = hub.rpc
    yield _counter("aiot_rpc_requests", "Requests of JSON-RPC taken", calls.requests)
    yield _counter("aiot_rpc_notifications", "Notifications of JSON-RPC taken", calls.notifications)
    yield _counter("aiot_rpc_messages_malformed", "Messages that were no JSON-RPC", calls.malformed)
    yield _counter("aiot_rpc_answers_unexpected", "Answers to nothing that was asked", calls.unexpected_answers)
    yield _counter("aiot_rpc_calls_refused", "Calls that were one too many", calls.too_many)
    yield _counter("aiot_rpc_timeouts", "Calls to clients without an answer in time", calls.timeouts)
    yield _counter("aiot_rpc_clients_cut_off", "Clients that did not read", hub.counters.rpc_clients_cut_off)


def _entities(hub: Hub) -> Iterator[Metric]:
    entities = hub.entities
    yield GaugeMetricFamily("aiot_entities", "Programs that have registered", value=len(entities.registry.entities))
    yield GaugeMetricFamily("aiot_entity_calls_pending", "Calls to them under way", value=len(entities.calls))
    calls = CounterMetricFamily("aiot_entity_calls", "Calls to entities, by end", labels=["outcome"])
    for outcome, count in entities.calls.endings.items():
        calls.add_metric([outcome], count)
    yield calls
    yield _counter("aiot_entity_publications_told", "Publications, once for each subscriber", entities.published)
    yield _counter(
        "aiot_arip_messages_malformed", "Messages to /arip that asked for nothing", hub.counters.arip_malformed
    )


def _watches(hub: Hub) -> Iterator[Metric]:
    counters = hub.watches.counters
    yield GaugeMetricFamily("aiot_rpc_watches", "Watches of nodes", value=len(hub.watches))
    yield _counter("aiot_rpc_watches_begun", "Watches of nodes begun", counters.watches)
    yield _counter("aiot_rpc_watches_resumed", "Watches that went on from a version", counters.resumed)
    yield _counter("aiot_rpc_watchers_fallen_behind", "Times a watching client did not keep up", counters.fallen_behind)
    yield _counter("aiot_rpc_changes_told", "Changes told to live watches", counters.changes)


def _counter(name: str, help: str, value: float) -> Metric:
    return CounterMetricFamily(name, help, value=value)


def render(hub: Hub) -> bytes:
    """The text for ``/metrics``."""
    registry = CollectorRegistry()
    registry.register(BrokerCollector(hub))
    return generate_latest(registry)
