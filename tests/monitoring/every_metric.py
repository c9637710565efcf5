# SPDX-License-Identifier: BSD-3-Clause
"""Every metric that any service of ours tells, made by the code that tells it."""

from __future__ import annotations

from collections.abc import Iterator

from pyaiot.broker import metrics as broker_metrics
from pyaiot.broker.authorisation import Gatekeeper
from pyaiot.broker.hub import Hub
from pyaiot.dashboard.served import Served
from pyaiot.gateway import metrics as gateway_metrics
from pyaiot.gateway.coap.counters import Counters as CoapCounters
from pyaiot.gateway.core import GatewayCore
from pyaiot.gateway.http.counters import Counters as HttpCounters
from pyaiot.gateway.mqtt.counters import Counters as MqttCounters
from pyaiot.gateway.outbox import Outbox
from pyaiot.gateway.ws.counters import Counters as WsCounters
from pyaiot.keys import Keys
from pyaiot.monitoring import process
from pyaiot.monitoring.families import Family, merged
from pyaiot.mqtt_broker.counters import Counters as MqttBrokerCounters
from pyaiot.mqtt_broker.counters import families as mqtt_broker_families
from pyaiot.tls.counters import Counters as TlsCounters
from pyaiot.tls.counters import families as tls_families
from pyaiot.tls.validity import Validity
from pyaiot.tls.validity import families as validity_families
from pyaiot.wire.signing import PrivateKey

#: The counters of each protocol's adapter.
ADAPTERS = {"coap": CoapCounters, "mqtt": MqttCounters, "ws": WsCounters, "http": HttpCounters}


def every_family() -> list[Family]:
    """One family for each name; needs an event loop, as a hub does."""
    return merged(_all())


def labels_of(family: Family) -> set[str]:
    """The labels of its samples, but for what a histogram has."""
    return {name for sample in family.samples for name, _ in sample.labels} - {"le"}


def _all() -> Iterator[Family]:
    yield from process.families("aiot-broker")
    yield from broker_metrics.families(hub_with_a_gateway())
    for protocol, counters in ADAPTERS.items():
        outbox = Outbox("0" * 16)
        core = GatewayCore(outbox, protocol=protocol, title=protocol, timeout_s=120.0)
        link = gateway_metrics.Link(True, True, 0.0, 0.0, sessions=1, losses=0)
        yield from gateway_metrics.families(protocol, protocol, link, core, outbox, counters())
    yield from mqtt_broker_families(MqttBrokerCounters(), 0)
    yield from Served().families()
    yield from tls_families(TlsCounters())
    yield from validity_families(Validity(0.0, 1.0, "", ""))


def hub_with_a_gateway() -> Hub:
    """One gateway, so that every label is there."""
    gatekeeper = Gatekeeper(trust_this_host=True, origins=frozenset(), hosts=frozenset(), clients={})
    key = PrivateKey(bytes(32))
    hub = Hub(Keys(authorized={"coap": key.public}), key, gatekeeper, 30.0)
    hub.directory.gateway_connected("coap", "0" * 16)
    return hub
