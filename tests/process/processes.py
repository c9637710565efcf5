# SPDX-License-Identifier: BSD-3-Clause
"""Starting the project's commands, reading what they say, and ending each by its pid whatever happens."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.patience import PATIENCE_S, is_within

ROOT = Path(__file__).resolve().parents[2]
#: Where the commands of the environment that runs the tests are.
BIN = Path(sys.executable).parent
#: How long a service may take to end (issue 2).
STOP_S = 5.0

BROKER_LISTENS = r"Broker \S+ listening on \S+ port (\d+)"
COAP_LISTENS = r"listening for CoAP devices on UDP port (\d+)"
DASHBOARD_LISTENS = r"Dashboard listening on port (\d+)"
CONNECTED = r"Connected to the broker at"
MQTT_CONNECTED = r"Connected( again)? to the MQTT broker"

FAULT = re.compile(
    r"Traceback \(most recent call last\)|please report|was destroyed but it is pending|never awaited|ResourceWarning"
)


@dataclass
class Process:
    """A process that was started; what it says on both outputs is kept in ``lines``."""

    name: str
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)
    #: A test that means to see a traceback says so; else one fails the test at its end.
    may_say_anything: bool = False
    _readers: list[asyncio.Task[None]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def read(self) -> None:
        """Begin to read its outputs."""
        for number, stream in enumerate((self.process.stdout, self.process.stderr)):
            assert stream is not None
            self._readers.append(asyncio.create_task(self._read(stream), name=f"{self.name}: output {number}"))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        while line := await stream.readline():
            self.lines.append(line.decode(errors="replace").rstrip("\n"))
            self._news.set()
        self._news.set()

    async def says(self, pattern: str, *, after: int = 0, within_s: float = PATIENCE_S) -> re.Match[str]:
        """Wait for a line that ``pattern`` matches somewhere; ``after`` skips so many lines."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    self._news.clear()
                    for line in self.lines[after:]:
                        if match := re.search(pattern, line):
                            return match
                    after = len(self.lines)
                    if all(reader.done() for reader in self._readers):
                        raise AssertionError(f"{self.name} ended without saying {pattern!r}:\n{self.text}")
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name} did not say {pattern!r}:\n{self.text}") from None

    async def port(self, pattern: str) -> int:
        """The port that it says it listens on."""
        return int((await self.says(pattern))[1])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, within_s: float = PATIENCE_S) -> int:
        """Wait for its end, and for the last of its words; the exit code."""
        try:
            async with asyncio.timeout(within_s):
                code = await self.process.wait()
                await asyncio.gather(*self._readers)
        except TimeoutError:
            raise AssertionError(f"{self.name} did not end within {within_s} s:\n{self.text}") from None
        return code

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> float:
        """Have it end in order: exit code 0 within STOP_S. How long it took, in seconds."""
        began = time.monotonic()
        self.send(number)
        code = await self.ended()
        took = time.monotonic() - began
        assert code == 0, f"{self.name} ended with {code}:\n{self.text}"
        assert is_within(took, STOP_S), f"{self.name} ended after {took:.2f} s:\n{self.text}"
        return took

    async def kill(self) -> None:
        """``kill -9``, and wait until it is gone."""
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()

    def resident_bytes(self) -> int:
        """How much memory it holds now (VmRSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024


@dataclass(frozen=True)
class Finished:
    """What became of a command that ran to its end."""

    code: int
    out: str
    err: str


class Host:
    """A host with a home directory of its own, and no settings from outside, on which commands are started."""

    def __init__(self, home: Path, within: tuple[str, ...] = ()) -> None:
        self.home = home
        #: The command that each command is an argument of, such as one that enters a network namespace.
        self.within = within
        self.key_file = home / ".pyaiot" / "keys"
        self.started: list[Process] = []
        self.environment = {
            "HOME": str(home),
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
        }

    async def start(self, command: str, *arguments: str, python: tuple[str, ...] = ()) -> Process:
        """Start a command of the environment; ``python`` are options of the interpreter."""
        return await self.start_program(sys.executable, *python, str(BIN / command), *arguments, name=command)

    async def start_program(self, *command: str, name: str) -> Process:
        """Start any program."""
        made = await asyncio.create_subprocess_exec(
            *self.within,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.environment,
            cwd=self.home,
        )
        process = Process(name, made)
        self.started.append(process)
        process.read()
        return process

    async def run(self, command: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Finished:
        """Run a command of the environment to its end."""
        made = await asyncio.create_subprocess_exec(
            *self.within,
            sys.executable,
            str(BIN / command),
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**self.environment, **(environment or {})},
            cwd=self.home,
        )
        try:
            async with asyncio.timeout(PATIENCE_S):
                out, err = await made.communicate()
        except TimeoutError:
            raise AssertionError(f"{command} {' '.join(arguments)} did not end") from None
        finally:
            if made.returncode is None:
                made.kill()
                await made.wait()
        return Finished(made.returncode or 0, out.decode(), err.decode())

    async def broker(self, *arguments: str, port: int = 0) -> tuple[Process, int]:
        """Start a broker with this host's keys; it and its port, once it listens."""
        process = await self.start("aiot-broker", "--broker-port", str(port), *arguments)
        return process, await process.port(BROKER_LISTENS)

    async def coap_gateway(self, broker_port: int, *arguments: str, coap_port: int = 0) -> tuple[Process, int]:
        """Start a CoAP gateway with this host's keys; it and its port, once it is connected to the broker."""
        process = await self.start(
            "aiot-coap-gateway", "--broker-port", str(broker_port), "--coap-port", str(coap_port), *arguments
        )
        port = await process.port(COAP_LISTENS)
        await process.says(CONNECTED)
        return process, port

    async def mqtt_gateway(self, broker_port: int, mqtt_port: int, *arguments: str) -> Process:
        """Start an MQTT gateway with this host's keys; it, once it is connected to the broker and the MQTT broker."""
        process = await self.start(
            *("aiot-mqtt-gateway", "--broker-port", str(broker_port)),
            *("--mqtt-host", "127.0.0.1", "--mqtt-port", str(mqtt_port), *arguments),
        )
        await process.says(MQTT_CONNECTED)
        await process.says(CONNECTED)
        return process

    def test_node(self, *arguments: str) -> tuple[str, ...]:
        """The command of a simulated CoAP device."""
        return (sys.executable, str(ROOT / "utils" / "coap" / "coap-test-node.py"), *arguments)

    async def close(self) -> None:
        """End everything that was started and still runs, each by its pid."""
        for process in self.started:
            if process.process.returncode is None:
                process.process.kill()
        for process in self.started:
            await process.ended()

    def faults(self) -> list[str]:
        """What was said that nobody may see: tracebacks, and faults of our own."""
        return [
            f"{process.name}: {line}"
            for process in self.started
            if not process.may_say_anything
            for line in process.lines
            if FAULT.search(line)
        ]
