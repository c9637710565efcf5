# SPDX-License-Identifier: BSD-3-Clause
"""Hosts that are network namespaces: each has its own ports and addresses, and reaches only whom it has a cable to."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from tests.conftest import PATH
from tests.process.processes import Host

#: What everybody calls the first host.
NAME: Final = "iot.example.org"
#: Where `ip netns exec` finds what stands for a namespace's /etc.
ETC: Final = Path("/etc/netns")
_libc = ctypes.CDLL(None, use_errno=True)


def ip(*arguments: str) -> None:
    """Run ip(8)."""
    subprocess.run([_program(), *arguments], check=True, capture_output=True, text=True)


def _program() -> str:
    return shutil.which("ip", path=PATH) or "ip"


class Namespace(Host):
    """A host of its own; ``address`` is that of the server as it is seen from here."""

    def __init__(self, name: str, home: Path, address: str) -> None:
        super().__init__(home, (_program(), "netns", "exec", name))
        self.name = name
        self.address = address

    async def connect(self, port: int) -> socket.socket:
        """A connection from here to the server, for a program that is the test itself."""
        sock = await asyncio.to_thread(self.open_socket)
        await asyncio.get_running_loop().sock_connect(sock, (self.address, port))
        return sock

    def open_socket(self, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
        """A socket of here, which stays where it was made. setns(2) is a matter of one thread."""
        with open("/proc/thread-self/ns/net", "rb") as own, open(f"/run/netns/{self.name}", "rb") as other:
            _enter(other.fileno())
            try:
                made = socket.socket(type=kind)
                made.setblocking(False)
                return made
            finally:
                _enter(own.fileno())


def _enter(namespace: int) -> None:
    if _libc.setns(namespace, 0x4000_0000) != 0:  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.asynccontextmanager
async def namespaces(folder: Path, *names: str) -> AsyncIterator[list[Namespace]]:
    """Hosts, of which the first is the server: it has a cable to each of the others, which call it NAME.

    Skips the test where the system allows nobody to do that. Whatever happens, nothing runs on them at the end, and
    they are gone; no command may have shown a fault of its own.
    """
    made: list[Namespace] = []
    tag = f"aiot{os.getpid()}"
    try:
        for number, name in enumerate(names):
            home = folder / name
            home.mkdir()
            made.append(Namespace(f"{tag}{name}", home, "127.0.0.1" if number == 0 else f"10.77.{number}.1"))
            try:
                await asyncio.to_thread(_make, made[-1], made[0], number)
            except (subprocess.CalledProcessError, OSError) as error:
                if number == 0:
                    told = getattr(error, "stderr", None) or str(error)
                    pytest.skip(f"needs the right to make network namespaces: {told.strip()}")
                raise
        yield made
    finally:
        try:
            await asyncio.gather(*(host.close() for host in made))
        finally:
            for host in made:
                shutil.rmtree(ETC / host.name, ignore_errors=True)
                with contextlib.suppress(subprocess.CalledProcessError):
                    ip("netns", "delete", host.name)
            with contextlib.suppress(OSError):
                ETC.rmdir()  # where it was not before
    assert [fault for host in made for fault in host.faults()] == []


def _make(host: Namespace, server: Namespace, number: int) -> None:
    ip("netns", "add", host.name)
    ip("-n", host.name, "link", "set", "lo", "up")
    folder = ETC / host.name
    folder.mkdir(parents=True)
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n::1 localhost\n{host.address} {NAME}\n")
    if host is server:
        return
    cable = ("eth0", "netns", host.name, "type", "veth", "peer", "name", f"eth{number}", "netns", server.name)
    ip("link", "add", *cable)
    for end, link, address in ((server, f"eth{number}", host.address), (host, "eth0", f"10.77.{number}.2")):
        ip("-n", end.name, "address", "add", f"{address}/24", "dev", link)
        ip("-n", end.name, "link", "set", link, "up")
