# SPDX-License-Identifier: BSD-3-Clause
"""What the library costs a board that speaks MQTT, compiled on the board from source, which is the dearest way."""

import gc

measured = []


def before():
    measured.append(gc.mem_alloc())


def load():
    import aiot.clock
    import aiot.link
    import aiot.loop
    import aiot.mqtt
    import aiot.wifi

    aiot.Node  # noqa: B018
    gc.collect()


def fill():
    measured.append(gc.mem_alloc())
    from aiot import Node

    node = Node("Greenhouse", id="n1", now=lambda: 0)
    for number in range(64):
        node.value("temperature", number + 0.5, unit="Cel")
    measured.append(node)
    gc.collect()


def tell():
    print("heap", measured[1] - measured[0], gc.mem_alloc() - measured[1])


STEPS = [gc.collect, before, load, gc.collect, fill, gc.collect, tell]
