# SPDX-License-Identifier: BSD-3-Clause
"""``aiot up --demo`` as a process, on free ports and with a key file of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processes import BIN, Process


class Demo(Process):
    """It; ready once it has told its addresses. The port of the broker is known before."""

    def __init__(self, key_file: Path) -> None:
        ports = [f"--{name}-port=0" for name in ("broker", "coap", "gateway", "http", "mqtt", "web")]
        super().__init__([str(BIN / "aiot"), "up", "--demo", *ports, "--key-file", str(key_file)])
        try:
            self.broker_port = int(self.expect(r"Broker .* port (\d+)")[1])
        except BaseException:
            self.end()
            raise
        self.page = ""

    def wait_for_page(self) -> str:
        """The address of the dashboard, once it is told."""
        self.page = self.page or self.expect(r"Dashboard\s+(http\S+)")[1]
        return self.page


@contextmanager
def demo() -> Iterator[Demo]:
    """A Demo, ended on the way out; the first thing that it does is to make keys."""
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder, Demo(Path(folder) / "keys") as process:
        yield process
