# SPDX-License-Identifier: BSD-3-Clause
"""``aiot doctor`` on a host of its own (a network namespace): well, then broken, and mended by what it says."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from pyaiot import keys
from pyaiot.keys import new_private_key
from tests.process.processes import BIN, CONNECTED, Finished, Host, Process

#: Brings loopback up (SIOCSIFFLAGS with IFF_UP, netdevice(7)), and keeps the namespace.
HOLD = """
import fcntl, signal, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1))
print("alone", flush=True)
signal.pause()
"""
#: Nothing else than root has to be there; without it, in a user namespace, one is root as far as it matters here.
ROOT = os.geteuid() == 0
ALONE = ["unshare", "--net"] if ROOT else ["unshare", "--net", "--map-root-user"]
INTO = ["--net"] if ROOT else ["--user", "--preserve-credentials", "--net"]


class LonelyHost:
    """Commands of ``host`` in a network of their own, where no other test's services are."""

    def __init__(self, host: Host, holder: Process) -> None:
        self.host = host
        self.into = ["nsenter", "--target", str(holder.pid), *INTO, "--"]

    async def start(self, command: str, *arguments: str) -> Process:
        return await self.host.start_program(*self.into, sys.executable, str(BIN / command), *arguments, name=command)

    async def run(self, *command: str) -> Finished:
        process = await self.host.start_program(*self.into, *command, name=command[-1])
        process.may_say_anything = True
        code = await process.ended()
        return Finished(code, process.text, "")

    async def doctor(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Exit code, and what is not well by the check's id."""
        done = await self.run(sys.executable, str(BIN / "aiot"), "doctor", "--json", *arguments)
        report = json.loads(done.out)
        assert report["exit_code"] == done.code
        bad = {each["check"]: each for each in report["findings"] if each["level"] in ("warning", "problem")}
        assert all(each["fix"] for each in bad.values())
        return done.code, bad

    async def mend(self, fix: str) -> None:
        """Do what a finding says: the first command of it."""
        command = shlex.split(fix.partition(";")[0].partition("   (")[0])
        if command[0].startswith("aiot"):
            command = [sys.executable, str(BIN / command[0]), *command[1:]]
        done = await self.run(*command)
        assert done.code == 0, done.out


@pytest.fixture
async def lonely(host: Host) -> LonelyHost:
    holder = await host.start_program(
        *ALONE,
        sys.executable,
        "-c",
        HOLD,
        name="namespace",
    )
    holder.may_say_anything = True
    with contextlib.suppress(AssertionError):
        await holder.says("alone")
    if "alone" not in holder.text:
        pytest.skip(f"no network namespace can be made here: {holder.text}")
    return LonelyHost(host, holder)


@pytest.mark.needs("unshare", "nsenter")
async def test_what_it_says_mends_what_is_broken(lonely: LonelyHost, tmp_path: Path) -> None:
    up = await lonely.start("aiot", "up", "--static-path", str(tmp_path))
    await up.says("Ctrl-C ends it")
    await up.says("Gateway mqtt: connected")

    code, bad = await lonely.doctor()
    assert (code, bad) == (0, {}), "a host that is well"

    key_file = lonely.host.key_file
    key_file.chmod(0o644)
    code, bad = await lonely.doctor("--config", "/new.toml")
    assert (code, sorted(bad)) == (2, ["configuration.unread", "keys.mode"])
    await lonely.mend(bad["keys.mode"]["fix"])
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert "session from" not in up.text, "a gateway lost its session while it was looked at"
    await up.stop()

    stored = keys.load(key_file)
    trusted = stored.trusted_broker
    stored.trusted_broker = new_private_key().public
    keys.store(key_file, stored)
    stranger = await lonely.host.start_program(
        *lonely.into, sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "8000", name="stranger"
    )
    await stranger.says("Serving HTTP")
    code, bad = await lonely.doctor()
    assert (code, sorted(bad)) == (2, ["keys.trusted", "ports.taken"])
    assert bad["ports.taken"]["facts"]["pid"] == stranger.pid
    for each in bad.values():
        await lonely.mend(each["fix"])
    await stranger.ended()
    assert keys.load(key_file).trusted_broker == trusted

    gateway = await lonely.start("aiot-coap-gateway")
    await gateway.says("Cannot reach the broker")
    code, bad = await lonely.doctor()
    assert (code, list(bad)) == (2, ["broker.connect"])
    await lonely.start("aiot-broker")
    await gateway.says(CONNECTED)
    code, bad = await lonely.doctor("--service", "coap-gateway", "broker")
    assert (code, bad) == (0, {})
