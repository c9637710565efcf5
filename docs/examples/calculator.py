# SPDX-License-Identifier: BSD-3-Clause
"""A program that others call. Start it, and then: ``aiot call calculator add 1 2``."""

import asyncio
import sys

from pyaiot.client import Client, RpcError

client = Client(sys.argv[1] if len(sys.argv) > 1 else "localhost:8000")


@client.method
def add(a: float, b: float) -> float:
    """The sum of two numbers."""
    return a + b


@client.method
def divide(a: float, b: float) -> float:
    """A number divided by another."""
    if b == 0:
        raise RpcError(1, "nothing can be divided by 0")
    return a / b


async def main() -> None:
    async with client:
        await client.register("calculator", type="calculator")
        print("The calculator is there.", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    asyncio.run(main())
