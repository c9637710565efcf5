# SPDX-License-Identifier: BSD-3-Clause
"""What each service needs of the keys of a host."""

from __future__ import annotations

import pytest

from pyaiot.key_parts import BROKER, GATEWAYS, part_of, protocol_of, whole
from pyaiot.keys import ClientToken, KeyFileError, Keys
from pyaiot.wire.signing import PrivateKey

ONE, TWO, THREE = (PrivateKey(bytes([number]) * 32) for number in (1, 2, 3))
KEYS = Keys(
    broker=ONE,
    gateways={"coap": TWO, "hut-http": THREE, "hut": TWO},
    trusted_broker=ONE.public,
    authorized={"coap": TWO.public},
    clients={"alice": ClientToken("viewer", bytes(32))},
)


def test_a_gateway_gets_its_own_key_and_the_broker_none_of_them() -> None:
    coap = part_of(KEYS, ("aiot-coap-gateway", "aiot-dashboard"))
    assert coap == Keys(gateways={"coap": TWO, "hut": TWO}, trusted_broker=ONE.public)
    assert set(part_of(KEYS, ("aiot-http-gateway",)).gateways) == {"hut-http", "hut"}
    broker = part_of(KEYS, (BROKER,))
    assert (broker.broker, broker.gateways) == (ONE, {})
    assert (broker.authorized, broker.clients) == (KEYS.authorized, KEYS.clients)
    assert part_of(KEYS, (BROKER, *GATEWAYS.values())) == KEYS
    assert [protocol_of(name) for name in ("mqtt", "hut-ws", "hut", "coap-2", "-")] == ["mqtt", "ws", "", "", ""]


def test_parts_make_the_whole_again_unless_they_differ() -> None:
    parts = [part_of(KEYS, (service,)) for service in (BROKER, *GATEWAYS.values())]
    assert whole(parts) == KEYS
    assert whole([]) == Keys()
    for other, what in (
        (Keys(broker=TWO), "the broker's key"),
        (Keys(trusted_broker=TWO.public), "the broker that is trusted"),
        (Keys(gateways={"coap": ONE}), "what they have of coap"),
    ):
        with pytest.raises(KeyFileError, match=f"differ in {what}"):
            whole([KEYS, other])
