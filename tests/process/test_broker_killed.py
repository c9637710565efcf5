# SPDX-License-Identifier: BSD-3-Clause
"""``kill -9`` of the broker under load: nothing acknowledged is lost, nothing is told twice, all come back."""

from __future__ import annotations

import asyncio
import statistics
from functools import partial

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.patience import is_within
from tests.process.feeders import all_of, covers, feeding
from tests.process.processes import BROKER_LISTENS, Host, Process
from tests.process.viewers import View, Viewer, fresh_view, viewing

KILLS = 20
UPDATES_PER_S = 1000
GATEWAYS_BACK_S = 5.0
VIEWS_TRUE_S = 2.0


async def start_again(host: Host, port: int) -> Process:
    """A broker on a port that another has just left; somebody else may have it for a moment."""
    for _ in range(5):
        broker = await host.start("aiot-broker", "--broker-port", str(port))
        try:
            await broker.says(BROKER_LISTENS)
        except AssertionError:
            assert "Address already in use" in broker.text, broker.text
            await broker.ended()
        else:
            return broker
    raise AssertionError(f"port {port} was taken for good")


def came_back(viewer: Viewer, connections: int, told: View) -> bool:
    """Whether the viewer has connected again, and been told all of this."""
    return viewer.connections > connections and covers(viewer.view, told)


async def test_kill_the_broker_twenty_times_under_load(host: Host, keys: Keys) -> None:
    broker, port = await host.broker(port=lasting_port("localhost"))
    back: list[float] = []
    true: list[float] = []
    per_s = UPDATES_PER_S / 3
    async with (
        feeding(keys, "coap", port, devices=8, per_s=per_s) as coap,
        feeding(keys, "mqtt", port, devices=8, per_s=per_s) as mqtt,
        feeding(keys, "ws", port, devices=8, per_s=per_s) as ws,
        viewing(port) as one,
        viewing(port) as other,
    ):
        gateways, viewers = (coap, mqtt, ws), (one, other)
        for feeder in gateways:
            feeder.arrive("guest0")
        for kill in range(KILLS):
            sessions = [feeder.service.uplink.sessions for feeder in gateways]
            await asyncio.gather(*(feeder.acknowledged(150) for feeder in gateways))
            connections = [viewer.connections for viewer in viewers]
            await broker.kill()
            for feeder in gateways:  # the world goes on while the broker is away
                feeder.leave(f"guest{kill}")
                feeder.arrive(f"guest{kill + 1}")
            broker = await start_again(host, port)
            told = all_of(*gateways)  # all that was acknowledged, and more
            took = await asyncio.gather(
                *(feeder.connected(count + 1) for feeder, count in zip(gateways, sessions, strict=True))
            )
            back.append(max(took))
            assert await asyncio.to_thread(is_within, back[-1], GATEWAYS_BACK_S)  # pings are answered meanwhile
            took = await asyncio.gather(
                *(
                    viewer.until(partial(came_back, viewer, count, told), "all that was told before")
                    for viewer, count in zip(viewers, connections, strict=True)
                )
            )
            true.append(max(took))
            assert await asyncio.to_thread(is_within, true[-1], VIEWS_TRUE_S)
        assert max(viewer.connections for viewer in viewers) == KILLS + 1
        for feeder in gateways:
            feeder.stop_feeding()
        truth = all_of(*gateways)
        assert sum(len(values) for values in truth.values()) > 3 * 8 * 4
        await asyncio.gather(*(viewer.sees(truth) for viewer in viewers))
        assert await fresh_view(port) == truth
    refused = [line for process in host.started for line in process.lines if "refused" in line]
    assert refused == [], "a restart of the broker is no fault of the gateways"
    print(f"gateways back: median {statistics.median(back):.2f} s, at most {max(back):.2f} s after the broker listens")
    print(f"views true: median {statistics.median(true):.2f} s, at most {max(true):.2f} s after that")
