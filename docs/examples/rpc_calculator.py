# SPDX-License-Identifier: BSD-3-Clause
"""JSON-RPC both ways over a plain WebSocket, without the broker: a server that calculates, and asks back.

::

    python rpc_calculator.py serve 8080
    python rpc_calculator.py ask ws://127.0.0.1:8080 12 0
"""

from __future__ import annotations

import asyncio
import sys

import websockets

from pyaiot.rpc.errors import INVALID_PARAMS, RpcError
from pyaiot.rpc.methods import method
from pyaiot.rpc.peer import Peer


class Calculator(Peer):
    """The server's side of one connection."""

    @method
    async def divide(self, dividend: float, divisor: float) -> float:
        """Divide; who gave 0 is asked what it meant instead, once."""
        if divisor == 0:
            divisor = await self.request("instead_of_zero", timeout=5)
        if divisor == 0:
            raise RpcError(INVALID_PARAMS, "nothing can be divided by 0")
        return dividend / divisor

    @method
    def add(self, *numbers: float) -> float:
        """Add all."""
        return sum(numbers)

    async def on_open(self) -> None:
        """Somebody connected."""
        await self.notify("welcome", ["divide", "add"])


class Customer(Peer):
    """The client's side."""

    @method
    def welcome(self, *offers: str) -> None:
        """What the server has to offer."""
        print("offered:", *offers, flush=True)

    @method
    def instead_of_zero(self) -> float:
        """Be reasonable."""
        return 4


async def serve(port: int) -> None:
    """Serve everybody, for ever; each connection has a Calculator of its own."""
    async with websockets.serve(lambda socket: Calculator().run(socket), "127.0.0.1", port) as server:
        print("listening on port", next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


async def ask(url: str, dividend: float, divisor: float) -> None:
    """Ask the server at ``url`` two things."""
    async with websockets.connect(url, proxy=None) as socket, Customer().over(socket) as peer:
        print("quotient:", await peer.request("divide", {"dividend": dividend, "divisor": divisor}))
        print("sum:", await peer.request("add", [dividend, divisor]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            asyncio.run(serve(int(port)))
        case ["ask", url, dividend, divisor]:
            asyncio.run(ask(url, float(dividend), float(divisor)))
        case _:
            sys.exit(__doc__)
