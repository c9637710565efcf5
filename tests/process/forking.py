# SPDX-License-Identifier: BSD-3-Clause
"""Runs commands as it is told on stdin, each in a process of its own: a fork of this one, which has imported them all.

To start Python and import a service takes half a second of a processor; what a command then says of an option that is
wrong takes some milliseconds. A request is a line of JSON: the ``command`` with its ``arguments``, the ``environment``
and the ``folder`` in which it runs; so is the answer: exit ``code``, ``out`` and ``err``.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, BinaryIO, NoReturn

#: What the verbs of ``aiot`` import when they run.
import pyaiot.cli.up  # noqa: F401

DEVNULL = os.open(os.devnull, os.O_RDONLY)


def be(main: Callable[[], int], request: dict[str, Any], out: BinaryIO, err: BinaryIO) -> NoReturn:
    """In the child: be the command."""
    code = 1
    try:
        for number, file in enumerate((DEVNULL, out.fileno(), err.fileno())):
            os.dup2(file, number)
        os.environ.clear()
        os.environ.update(request["environment"])
        os.chdir(request["folder"])
        sys.argv = [request["command"], *request["arguments"]]
        try:
            code = main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        except BaseException:
            traceback.print_exc()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def serve() -> None:
    """Until stdin is closed."""
    scripts = entry_points(group="console_scripts")
    mains = {script.name: script.load() for script in scripts if script.value.startswith("pyaiot.")}
    for line in sys.stdin:
        request = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = os.fork()
            if not child:
                be(mains[request["command"]], request, out, err)
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said = []
            for file in (out, err):
                file.seek(0)
                said.append(file.read().decode())
        print(json.dumps({"code": code, "out": said[0], "err": said[1]}), flush=True)


if __name__ == "__main__":
    serve()
