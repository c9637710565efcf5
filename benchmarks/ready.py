# SPDX-License-Identifier: BSD-3-Clause
"""A service as systemd starts it: it says itself when it is ready (sd_notify(3))."""

from __future__ import annotations

import os
import socket
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.processes import READY_TIMEOUT_S, Process


class NotifyingProcess(Process):
    """A child process; ready when made. ``ready_s``: seconds from before its exec until it said so."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] = os.environ) -> None:
        with (
            tempfile.TemporaryDirectory(prefix="pyaiot-ready-") as folder,
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here,
        ):
            path = Path(folder) / "notify"
            here.bind(str(path))
            here.settimeout(READY_TIMEOUT_S)
            super().__init__(command, environment={**environment, "NOTIFY_SOCKET": str(path)})
            try:
                while "READY=1" not in here.recv(4096).decode().splitlines():
                    continue
            except TimeoutError:
                self.end()
                raise TimeoutError(f"{command[0]} did not say that it is ready") from None
            self.ready_s = time.perf_counter() - self.begin
        self.ready_cpu_s = self.cpu_s()

    def pss_bytes(self) -> int:
        """Its share of memory: what it has alone, and its part of what it shares with others."""
        for line in Path(f"/proc/{self.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError("no Pss")
