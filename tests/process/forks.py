# SPDX-License-Identifier: BSD-3-Clause
"""Commands that run to their end, many of them, for the price of one start of Python: see ``forking.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

from tests.patience import PATIENCE_S
from tests.process.processes import ROOT, Finished, Host


class Forks:
    """Has commands run by a process that serves until it is closed."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    def run(self, host: Host, command: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Finished:
        """As Host.run does: run a command on ``host`` to its end. Raises AssertionError if it does not end."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {
            "command": command,
            "arguments": arguments,
            "environment": {**host.environment, **(environment or {})},
            "folder": str(host.home),
        }
        watchdog = Timer(PATIENCE_S, self._server.kill)
        watchdog.start()
        try:
            self._server.stdin.write(json.dumps(request) + "\n")
            self._server.stdin.flush()
            answer = self._server.stdout.readline()
        finally:
            watchdog.cancel()
        assert answer, f"{command} {' '.join(arguments)} did not end"
        return Finished(**json.loads(answer))


@contextmanager
def forking() -> Iterator[Forks]:
    """A server that is there inside the ``with``."""
    program = str(Path(__file__).with_name("forking.py"))
    with subprocess.Popen(
        [sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as server:
        yield Forks(server)
        assert server.stdin is not None
        server.stdin.close()
