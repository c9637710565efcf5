# SPDX-License-Identifier: BSD-3-Clause
"""A device on the real MicroPython, conducted through its input: one JSON list a line."""

import asyncio
import json

import bridge

from aiot import Node
from aiot.link import Link

options = json.loads(bridge.arguments[0])
node = Node(options.get("name", "Greenhouse"), id=options["id"], board="test", keep=options.get("keep", 64))
link = Link(options["url"], options.get("user"), options.get("password"))

node.describe("position", [48.7, 2.2])
node.value("led", 0)


@node.on_write("led")
def led(value):
    print("led", repr(value))
    return 1 if value in (1, "on", True) else 0


@node.on_write("mode")
async def mode(value):
    await asyncio.sleep(0.05)
    return str(value).upper()


@node.on_write("broken")
def broken(value):
    raise RuntimeError("no such luck")


@node.every(100)
async def slow():
    await asyncio.sleep(0.01)


@node.every(50)
def fault():
    raise ValueError("a sensor that is not there")


@node.every(10)
def obey():
    line = bridge.line()
    while line is not None:
        command = json.loads(line)
        if command[0] == "value":
            node.value(command[1], command[2], command[3])
        elif command[0] == "state":
            print(
                "state",
                json.dumps([link.up, len(node.outbox), node.outbox.dropped, node.faults, node.refused, node.bad]),
            )
        line = bridge.line()


STEPS = [lambda: node.serve(link)]
