# SPDX-License-Identifier: BSD-3-Clause
"""What each service costs by itself, and all of them in one process: start, memory, idle CPU; and the wheel's size.

Beside them are peers: a Python process that has only imported Tornado, and Mosquitto.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.processes import BIN, Process, Site, broker, program
from benchmarks.ready import NotifyingProcess

MIB = 1024 * 1024
#: What the issue of the first release asks for.
MAX_SERVICE_MIB, MAX_ALL_MIB, MAX_IDLE_PERCENT, MAX_READY_S, MAX_WHEEL_MB = 60, 130, 5, 2, 5
#: What happens after the start is not idleness: sessions with the broker begin, the demo's devices are found.
SETTLE_S = 10.0
GATEWAYS = ("coap", "http", "mqtt", "ws")
#: What puts them on free ports of loopback.
SERVICES: dict[str, tuple[str, ...]] = {
    "aiot-broker": ("--broker-port=0",),
    "aiot-dashboard": ("--web-port=0",),
    "aiot-coap-gateway": ("--coap-host=127.0.0.1", "--coap-port=0"),
    "aiot-ws-gateway": ("--gateway-host=127.0.0.1", "--gateway-port=0"),
    "aiot-http-gateway": ("--http-port=0",),
    "aiot-mqtt-broker": ("--mqtt-port=0",),
    "aiot-mqtt-gateway --embedded-broker": ("--mqtt-port=0",),
}
_ALL = tuple(f"--{name}-port=0" for name in ("broker", "coap", "gateway", "http", "mqtt", "web"))
TOGETHER = {"aiot up": _ALL, "aiot up --demo": _ALL}
BARE = "import time, tornado.web, tornado.websocket; print('up', flush=True); time.sleep(3600)"


def run(quick: bool) -> Iterator[Figure]:
    """The figures of this module."""
    rounds, idle_s = (1, 4.0) if quick else (5, 20.0)
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        home = {**os.environ, "HOME": folder}
        here = Path(folder) / ".pyaiot"
        here.mkdir()
        with broker(Site(here, GATEWAYS)) as server:
            apart = {name: words(name, options) for name, options in SERVICES.items()}
            for name in apart:
                if "gateway" in name:
                    apart[name].append(f"--broker-port={server.port}")
            together = {name: words(name, options) for name, options in TOGETHER.items()}
            for name, command in {**apart, **together}.items():
                yield from start(name, command, home, rounds)
            yield from idle(apart, home, idle_s, MAX_SERVICE_MIB)
            for name, command in together.items():
                yield from idle({name: command}, home, idle_s, MAX_ALL_MIB)
    yield from peers(idle_s)
    yield from wheel()


def words(name: str, options: Sequence[str]) -> list[str]:
    """A command line, of the installation that this Python has."""
    command, *more = name.split()
    return [str(BIN / command), *more, *options]


def start(name: str, command: Sequence[str], environment: Mapping[str, str], rounds: int) -> Iterator[Figure]:
    """From exec until it tells systemd that it is ready."""
    took, cpu = [], []
    for _ in range(rounds):
        with NotifyingProcess(command, environment) as process:
            took.append(process.ready_s)
            cpu.append(process.ready_cpu_s)
    yield Figure(f"{name}: ready after", took, "s", at_most=MAX_READY_S, note=f"CPU {sorted(cpu)[rounds // 2]:.2f} s")


def idle(
    commands: Mapping[str, list[str]], environment: Mapping[str, str], for_s: float, most: int
) -> Iterator[Figure]:
    """Memory and CPU of services that run side by side, while nobody asks them for anything."""
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(NotifyingProcess(each, environment)) for name, each in commands.items()}
        time.sleep(SETTLE_S)
        before = {name: process.cpu_s() for name, process in running.items()}
        time.sleep(for_s)
        for name, process in running.items():
            used = (process.cpu_s() - before[name]) / for_s * 100
            own = f"PSS {process.pss_bytes() / MIB:.1f} MiB"
            yield Figure(f"{name}: resident memory", [process.rss_bytes() / MIB], "MiB", at_most=most, note=own)
            yield Figure("  idle CPU", [used], "% core", at_most=MAX_IDLE_PERCENT)
        if len(running) > 1:
            total = sum(process.pss_bytes() for process in running.values()) / MIB
            yield Figure("  all of these, what they share counted once", [total], "MiB")


def peers(for_s: float) -> Iterator[Figure]:
    """What others take for being there."""
    with Process([sys.executable, "-c", BARE]) as bare:
        bare.expect("up")
        yield Figure("peer: Python with Tornado imported, memory", [bare.rss_bytes() / MIB], "MiB")
    path = program("mosquitto")
    if path is None:
        return
    with tempfile.TemporaryDirectory(prefix="pyaiot-bench-") as folder:
        at = Path(folder) / "mosquitto.conf"
        # A socket of the file system needs no port.
        at.write_text(f"user {getpass.getuser()}\nlistener 0 {folder}/socket\nallow_anonymous true\n")
        with Process([path, "-c", str(at)]) as mosquitto:
            mosquitto.expect("running")
            begin = mosquitto.cpu_s()
            time.sleep(for_s)
            used = (mosquitto.cpu_s() - begin) / for_s * 100
            yield Figure("peer: mosquitto, memory", [mosquitto.rss_bytes() / MIB], "MiB", note=f"idle CPU {used:.2f} %")


def wheel() -> Iterator[Figure]:
    """Of the wheel that `make dist` has left, if it has."""
    for path in (Path(__file__).parent.parent / "dist").glob("*.whl"):
        yield Figure("the wheel", [path.stat().st_size / 1e6], "MB", at_most=MAX_WHEEL_MB, note=path.name)
