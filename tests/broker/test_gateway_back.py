# SPDX-License-Identifier: BSD-3-Clause
"""A gateway is back, and has not told its nodes again yet."""

from __future__ import annotations

from pyaiot.broker.server import Broker
from pyaiot.keys import Keys
from pyaiot.wire.messages import New
from tests.broker.peers import client, gateway


async def test_a_write_to_a_node_that_was_not_told_again_says_so(broker: Broker, keys: Keys) -> None:
    async with client(broker.port) as viewer:
        async with gateway(broker.port, keys) as link:
            await link.say(New(uid="1", protocol="coap", at=1))
            await link.acknowledged(1)
        async with gateway(broker.port, keys):
            await viewer.join("results")
            await viewer.send({"type": "update", "id": 1, "data": {"uid": "coap/1", "endpoint": "led", "payload": "1"}})
            result = await viewer.until("result")
            assert (result["code"], result["reason"]) == (
                "offline",
                "gateway coap is back, but has not told of this node yet",
            )
