# SPDX-License-Identifier: BSD-3-Clause
"""Processes that are measured: started, read from, and ended by their pid."""

from __future__ import annotations

import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pyaiot import keys
from pyaiot.keys import Keys, new_private_key

READY_TIMEOUT_S = 20.0
BIN = Path(sys.executable).parent


class Process:
    """A child process whose output is read line by line. A context manager: ended on the way out."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: bool = False,
        environment: Mapping[str, str] = os.environ,
        folder: Path | None = None,
    ) -> None:
        self._begin = time.perf_counter()
        self._child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            cwd=folder,
        )
        self.lines: list[str] = []
        self._fresh: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, name=f"output of {self.pid}", daemon=True).start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def begin(self) -> float:
        """When it was started, on time.perf_counter's clock."""
        return self._begin

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._fresh.put(line.rstrip("\n"))
        self._fresh.put(None)

    def expect(self, pattern: str, timeout_s: float = READY_TIMEOUT_S) -> re.Match[str]:
        """The match in the first fresh line of output that has one."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._fresh.get(timeout=max(0.01, deadline - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"{self._child.args!r} did not say {pattern!r}: {self.lines[-5:]}") from None
            if line is None:
                raise RuntimeError(f"{self._child.args!r} ended: {self.lines[-10:]}")
            self.lines.append(line)
            if match := re.search(pattern, line):
                return match

    def said(self) -> str | None:
        """The next fresh line of output, if there is one; does not wait."""
        try:
            return self._fresh.get_nowait()
        except queue.Empty:
            return None

    def ask(self, question: str, timeout_s: float = READY_TIMEOUT_S) -> str:
        """Write a line to it; the next line that it answers."""
        assert self._child.stdin is not None
        self._child.stdin.write(question + "\n")
        self._child.stdin.flush()
        return self.expect("", timeout_s).string

    def cpu_s(self) -> float:
        """Seconds of CPU that all its threads have used."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def rss_bytes(self) -> int:
        """Resident memory now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no VmRSS")

    def end(self) -> None:
        """SIGTERM, and SIGKILL 6 s later."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(6)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class Site:
    """A folder with a key file for one broker and some gateways."""

    def __init__(self, folder: Path, gateways: Sequence[str]) -> None:
        self.key_file = folder / "keys"
        broker = new_private_key()
        named = {name: new_private_key() for name in gateways}
        self.keys = Keys(
            broker=broker,
            gateways=named,
            trusted_broker=broker.public,
            authorized={name: key.public for name, key in named.items()},
        )
        keys.store(self.key_file, self.keys)


@contextmanager
def site(*gateways: str) -> Iterator[Site]:
    """A Site in a temporary folder."""
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        yield Site(Path(folder), gateways)


class Server(Process):
    """A process that listens on a TCP port that it tells."""

    def __init__(self, command: Sequence[str], pattern: str, *, stdin: bool = False) -> None:
        super().__init__(command, stdin=stdin)
        try:
            self.port = int(self.expect(pattern)[1])
        except BaseException:
            self.end()
            raise


def broker(at: Site, *options: str) -> Server:
    """``aiot-broker`` on a free port of loopback."""
    command = [str(BIN / "aiot-broker"), "--broker-host", "127.0.0.1", "--broker-port", "0"]
    return Server([*command, "--key-file", str(at.key_file), *options], r"listening on \S+ port (\d+)")


def yardstick(kind: str, *options: str) -> Server:
    """One of ``benchmarks.servers``."""
    return Server([sys.executable, "-m", "benchmarks.servers", kind, *options], r"^(\d+)$")


def program(name: str) -> str | None:
    """Where a program is; Debian's daemons are in /usr/sbin."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin")
