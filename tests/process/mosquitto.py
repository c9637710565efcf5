# SPDX-License-Identifier: BSD-3-Clause
"""A real Mosquitto on a free port of loopback, to be stopped, killed and started again on the same port.

Tests that use it say ``@pytest.mark.needs("mosquitto")``.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.lasting_ports import lasting_port
from tests.patience import PATIENCE_S

#: Ports to try at the first start.
TRIES = 10
#: Debian installs it where only root's PATH looks.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
RUNNING = r"mosquitto version \S+ running"
#: With these it forgets nothing that it has acknowledged, not even when it is killed.
DURABLE = ("persistence true", "autosave_on_changes true", "autosave_interval 1")
#: Where it does: it writes all of it after each message, and waits for the disk, which is slower than messages.
#: What is in memory outlives it, too.
MEMORY = Path("/dev/shm")


class Mosquitto:
    """One Mosquitto with its files in ``folder``; ``lines`` are added to its configuration.

    Lines that belong to the listener (TLS) and global ones may be mixed. Logs are kept in :attr:`log`, line by line.
    """

    def __init__(self, folder: Path, *lines: str, anonymous: bool = True, host: str = "127.0.0.1") -> None:
        self.folder = folder
        #: Where it saves its state, if it does.
        self.state_folder = str(folder)
        self.host = host
        self.port = 0
        self.anonymous = anonymous
        self.config = list(lines)
        self.log: list[str] = []
        self.process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def password_file(self) -> Path:
        """Where its users are, once there is one."""
        return self.folder / "passwords"

    def add_user(self, name: str, password: str) -> None:
        """A user who may connect; from the next start on, or after :meth:`reload`."""
        new = ["-c"] if not self.password_file.exists() else []
        program = shutil.which("mosquitto_passwd", path=PATH)
        assert program is not None
        subprocess.run([program, "-b", *new, str(self.password_file), name, password], check=True, capture_output=True)
        line = f"password_file {self.password_file}"
        if line not in self.config:
            self.config.append(line)

    async def start(self) -> None:
        """Start it, for the first time or again on the port that it had; returns when clients can connect."""
        assert self.process is None, "it runs already"
        if self.port:
            await self._start()
            return
        for _ in range(TRIES):
            self.port = lasting_port(self.host)
            try:
                await self._start()
                return
            except AssertionError:
                if not any("Address already in use" in line for line in self.log):
                    raise
                await self._end(signal.SIGKILL)
                self.log.clear()
        raise AssertionError("no port is free for mosquitto")

    async def _start(self) -> None:
        program = shutil.which("mosquitto", path=PATH)
        assert program is not None
        self._write_config()
        told = len(self.log)
        self.process = await asyncio.create_subprocess_exec(
            program,
            "-c",
            str(self.folder / "mosquitto.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder,
        )
        self._reader = asyncio.create_task(self._read(self.process), name="mosquitto: log")
        await self.says(RUNNING, after=told)

    async def stop(self) -> None:
        """SIGTERM, as an orderly restart does: it saves its state where it is persistent."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """``kill -9``: what it has not saved is lost."""
        await self._end(signal.SIGKILL)

    async def reload(self) -> None:
        """Have it read its passwords again (SIGHUP)."""
        assert self.process is not None
        self._write_config()
        told = len(self.log)
        self.process.send_signal(signal.SIGHUP)
        await self.says(r"Reloading config", after=told)

    async def says(self, pattern: str, *, after: int = 0) -> str:
        """Wait for a line of its log, of those ``after`` so many, in which ``pattern`` is found."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._news.clear()
                    for line in self.log[after:]:
                        if re.search(pattern, line):
                            return line
                    assert self._reader is not None
                    if self._reader.done():
                        raise AssertionError(f"mosquitto ended without saying {pattern!r}:\n" + "\n".join(self.log))
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"mosquitto does not say {pattern!r}:\n" + "\n".join(self.log)) from None

    def _write_config(self) -> None:
        # Global settings first: those of a listener are all that follow its line.
        listener = [line for line in self.config if line.split()[0] in LISTENER_SETTINGS]
        lines = [line for line in self.config if line not in listener]
        lines += [f"persistence_location {self.state_folder}/", "log_dest stderr", "set_tcp_nodelay true"]
        lines += [f"allow_anonymous {'true' if self.anonymous else 'false'}"]
        if os.getuid() == 0:
            lines.append("user root")  # or it could not read what the test has put into its folder
        lines += [f"listener {self.port} {self.host}", *listener]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        while line := await process.stderr.readline():
            self.log.append(line.decode(errors="replace").rstrip())
            self._news.set()
        self._news.set()

    async def _end(self, number: signal.Signals) -> None:
        if self.process is None:
            return
        process, self.process = self.process, None
        async with asyncio.timeout(PATIENCE_S):
            while process.returncode is None:
                process.send_signal(number)
                # It ignores a SIGTERM that comes just after it has said that it runs.
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), 0.5)
            assert self._reader is not None
            await self._reader


#: What belongs to a listener in Mosquitto's configuration (mosquitto.conf(5), "Listeners").
LISTENER_SETTINGS = frozenset(
    {
        *("cafile", "capath", "certfile", "keyfile", "crlfile", "require_certificate", "use_identity_as_username"),
        *("tls_version", "ciphers", "max_connections", "mount_point", "protocol", "socket_domain"),
    }
)


@asynccontextmanager
async def mosquitto(folder: Path, *lines: str, anonymous: bool = True) -> AsyncIterator[Mosquitto]:
    """A Mosquitto that runs; it has ended afterwards, whatever happened."""
    made = Mosquitto(folder, *lines, anonymous=anonymous)
    with tempfile.TemporaryDirectory(dir=MEMORY if os.access(MEMORY, os.W_OK) else folder) as made.state_folder:
        try:
            await made.start()
            yield made
        finally:
            await made.kill()
