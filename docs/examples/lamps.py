# SPDX-License-Identifier: BSD-3-Clause
"""Vote a lamp post: lamps, and a scheduler that does to them what people voted for. Votes come from anybody:

    aiot call scheduler createSuggestion lamp-1 80
    aiot call scheduler voteOnSuggestion 1 true

or from phones, with vote.html.
"""

import argparse
import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pyaiot.client import Client, RpcError

NO_SUCH_THING = 1


@dataclass
class Suggestion:
    """That a lamp is dimmed to ``level`` percent."""

    id: int
    lamp: str
    level: int
    up: int = 0
    down: int = 0


class Lamp:
    """An entity of type ``lamp``, which shows its level wherever nodes are shown."""

    def __init__(self, client: Client) -> None:
        self.client = client
        client.method(self.dim)

    async def dim(self, level: int) -> int:
        """Be as bright as that, in percent."""
        level = min(max(level, 0), 100)
        await self.client.publish(level, "level")
        return level


class Scheduler:
    """An entity that collects suggestions and votes, and calls the lamps."""

    def __init__(self, client: Client, votes: int) -> None:
        self.client = client
        self.votes = votes
        self.suggestions: dict[int, Suggestion] = {}
        self.last = 0
        for method in (
            self.createSuggestion,
            self.voteOnSuggestion,
            self.getAllActiveSuggestions,
            self.getAllLampposts,
        ):
            client.method(method)

    async def createSuggestion(self, lampId: str, level: int) -> int:
        """Suggest that a lamp is dimmed; the suggestion's id."""
        if lampId not in await self.getAllLampposts():
            raise RpcError(NO_SUCH_THING, f"there is no lamp {lampId}")
        self.last += 1
        self.suggestions[self.last] = suggestion = Suggestion(self.last, lampId, level)
        await self.client.publish(vars(suggestion), "created")
        return suggestion.id

    async def voteOnSuggestion(self, id: int, vote: bool) -> str:
        """Vote for (true) or against a suggestion; the last vote decides."""
        suggestion = self.suggestions.get(id)
        if suggestion is None:
            raise RpcError(NO_SUCH_THING, f"there is no suggestion {id}")
        if vote:
            suggestion.up += 1
        else:
            suggestion.down += 1
        await self.client.publish(vars(suggestion), "voting")
        if suggestion.up + suggestion.down < self.votes:
            return "counted"
        del self.suggestions[id]
        if suggestion.up < suggestion.down:
            await self.client.publish(vars(suggestion), "votingCanceled")
            return "rejected"
        await self.client.call(suggestion.lamp, "dim", suggestion.level)
        await self.client.publish(vars(suggestion), "votingExecuted")
        return "done"

    def getAllActiveSuggestions(self) -> list[dict[str, object]]:
        """What can be voted on."""
        return [vars(suggestion) for suggestion in self.suggestions.values()]

    async def getAllLampposts(self) -> list[str]:
        """The lamps that are there."""
        return [entity.id for entity in await self.client.entities(type="lamp")]


async def main(address: str, lamps: int, votes: int) -> None:
    async with AsyncExitStack() as stack:
        for number in range(1, lamps + 1):
            client = await stack.enter_async_context(Client(address))
            lamp = Lamp(client)
            await client.register(f"lamp-{number}", type="lamp", description="A lamp post")
            await lamp.dim(0)
        client = await stack.enter_async_context(Client(address))
        Scheduler(client, votes)
        await client.register("scheduler", type="scheduler", description="Does what people vote for")
        print(f"{lamps} lamps and the scheduler are there.", flush=True)
        await asyncio.get_running_loop().create_future()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Lamps, and a scheduler that does to them what people vote for.")
    parser.add_argument("address", nargs="?", default="localhost:8000")
    parser.add_argument("--lamps", type=int, default=3)
    parser.add_argument("--votes", type=int, default=3, help="after so many a suggestion is decided")
    options = parser.parse_args()
    asyncio.run(main(options.address, options.lamps, options.votes))
