# SPDX-License-Identifier: BSD-3-Clause
"""The yardsticks: bare Tornado servers, each a process of its own. ``python -m benchmarks.servers sink|relay|pair``.

They run on uvloop, as the broker does: the loop is not what is compared. Each prints the port it listens on.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Callable
from typing import ClassVar

import msgspec
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Sink(WebSocketHandler):
    """Decodes what comes and answers ``ok`` to what is empty, so that the sender knows how far it is."""

    def initialize(self, decode: Callable[[str], object]) -> None:
        self._decode = decode

    def on_message(self, message: str | bytes) -> None:
        if message == "{}":
            self.write_message("ok")
        else:
            self._decode(message)  # type: ignore[arg-type]


class Relay(WebSocketHandler):
    """Whatever the publisher says goes to every client, by write_message."""

    clients: ClassVar[set[Relay]] = set()

    def initialize(self, publisher: bool) -> None:
        self._publisher = publisher

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        if not self._publisher:
            self.clients.add(self)

    def on_message(self, message: str | bytes) -> None:
        if not self._publisher:
            return
        if message == "{}":
            self.write_message("ok")
            return
        for client in self.clients:
            client.write_message(message)

    def on_close(self) -> None:
        self.clients.discard(self)


class Pair(WebSocketHandler):
    """What comes from one side goes to the other, by write_message."""

    sides: ClassVar[dict[str, Pair]] = {}

    def initialize(self, side: str, other: str) -> None:
        self._side, self._other = side, other

    def open(self, *args: str, **kwargs: str) -> None:
        self.set_nodelay(True)
        self.sides[self._side] = self

    def on_message(self, message: str | bytes) -> None:
        self.sides[self._other].write_message(message)


async def serve(kind: str) -> None:
    """Listen until killed."""
    if kind == "sink":
        decode = {"json": json.loads, "msgspec": msgspec.json.decode}
        routes = [(f"/{name}", Sink, {"decode": each}) for name, each in decode.items()]
    elif kind == "pair":
        routes = [
            (f"/{one}", Pair, {"side": one, "other": other}) for one, other in (("left", "right"), ("right", "left"))
        ]
    else:
        routes = [("/publish", Relay, {"publisher": True}), ("/ws", Relay, {"publisher": False})]
    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application(routes)).add_sockets(sockets)
    print(sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("sink", "relay", "pair"))
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="uvloop")
    options = parser.parse_args()
    factory = None
    if options.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(options.kind))


if __name__ == "__main__":
    main()
