# SPDX-License-Identifier: BSD-3-Clause
"""Two hosts on one cable: network namespaces of this process's own, for what loopback has not: multicast, addresses."""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
_numbers = itertools.count()
_CLONE_NEWNET = 0x40000000
_IP = shutil.which("ip", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin") or "ip"


@dataclass(frozen=True)
class NetHost:
    """A host of such a network; ``ipv4`` and ``ipv6`` are private addresses, ``device`` the interface of both."""

    name: str
    device: str
    ipv4: str
    ipv6: str

    def command(self, *words: str | os.PathLike[str]) -> list[str]:
        """What runs ``words`` on this host."""
        return [_IP, "netns", "exec", self.name, *map(os.fspath, words)]

    def run(self, *words: str | os.PathLike[str], timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=timeout_s)

    def inside(self, do: Callable[[], T]) -> T:
        """What ``do()`` returns in a thread that is on this host: sockets that it opens stay there."""
        box: list[T] = []

        def body() -> None:
            with open(f"/run/netns/{self.name}") as namespace:
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            box.append(do())

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        return box[0]


def is_possible() -> bool:
    """Whether this process may make network namespaces: it is root, or as good as."""
    name = f"aiot-try-{os.getpid()}"
    if os.geteuid() != 0 or subprocess.run([_IP, "netns", "add", name], capture_output=True).returncode:
        return False
    _ip("netns", "del", name)
    return True


@contextmanager
def two_hosts() -> Iterator[tuple[NetHost, NetHost]]:
    """Two hosts, joined by a cable; both are gone afterwards, with what is left running in them to its own."""
    number = f"{os.getpid()}-{next(_numbers)}"
    one = NetHost(f"aiot-a-{number}", "one", "10.77.0.1", "fd77::1")
    two = NetHost(f"aiot-b-{number}", "two", "10.77.0.2", "fd77::2")
    made = []
    try:
        for host in (one, two):
            _ip("netns", "add", host.name)
            made.append(host.name)
        _ip(*f"link add {one.device} netns {one.name} type veth peer name {two.device} netns {two.name}".split())
        for host in (one, two):
            # No detection of duplicates, for which one would have to wait.
            host.run("sysctl", "-q", f"net.ipv6.conf.{host.device}.accept_dad=0")
            _ip(*f"-n {host.name} addr add {host.ipv4}/24 dev {host.device}".split())
            _ip(*f"-n {host.name} addr add {host.ipv6}/64 dev {host.device} nodad".split())
            _ip(*f"-n {host.name} link set lo up".split())
            _ip(*f"-n {host.name} link set {host.device} up".split())
            _ip(*f"-n {host.name} route add 224.0.0.0/4 dev {host.device}".split())
        yield one, two
    finally:
        for name in made:
            subprocess.run([_IP, "netns", "del", name], capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run([_IP, *words], check=True, capture_output=True)
