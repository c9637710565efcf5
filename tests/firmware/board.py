# SPDX-License-Identifier: BSD-3-Clause
"""A real MicroPython in the tests, with the firmware library: each board is a process, its console the output."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.node_parts import node_with
from tests.process.processes import Process

HERE = Path(__file__).parent
FIRMWARE = HERE.parents[1] / "firmware" / "micropython"


def interpreter() -> str:
    """Node.js, in which MicroPython runs; skips the test where something is missing, and fails it on CI."""
    return node_with("@micropython/micropython-webassembly-pyscript")


@asynccontextmanager
async def micropython(script: str, *arguments: str, library: Path = FIRMWARE) -> AsyncIterator[Process]:
    """A MicroPython that runs one of the scripts in this folder; it is killed afterwards."""
    made = await asyncio.create_subprocess_exec(
        interpreter(),
        str(HERE / "vm.mjs"),
        str(HERE / script),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "AIOT_FIRMWARE": str(library)},
    )
    process = Process(f"MicroPython, {script}", made)
    process.read()
    try:
        yield process
    finally:
        await process.kill()


@dataclass(frozen=True)
class State:
    """What a device says of itself."""

    up: bool
    kept: int
    dropped: int
    faults: int
    refused: int
    bad: int


class Device:
    """``device.py`` on a board."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def value(self, resource: str, value: Any, unit: str | None = None) -> None:
        """Have it measure something."""
        self._tell("value", resource, value, unit)

    async def state(self) -> State:
        """Ask it how it is; what it was told before has been done then."""
        told = len(self.process.lines)
        self._tell("state")
        match = await self.process.says(r"^state (\[.*\])$", after=told)
        return State(*json.loads(match[1]))

    async def says(self, pattern: str, *, after: int = 0) -> str:
        """Wait for a line of its console."""
        return (await self.process.says(pattern, after=after)).string

    def _tell(self, *command: Any) -> None:
        stdin = self.process.process.stdin
        assert stdin is not None
        stdin.write(json.dumps(command).encode() + b"\n")


@asynccontextmanager
async def device(url: str, uid: str = "n1", **options: Any) -> AsyncIterator[Device]:
    """A board that has started. ``options`` are those of ``device.py``."""
    async with micropython("device.py", json.dumps({"url": url, "id": uid, **options})) as process:
        await process.says(r"starts, as")
        yield Device(process)
