# SPDX-License-Identifier: BSD-3-Clause
"""What Linux says of sockets and processes, read."""

from __future__ import annotations

import pytest

from pyaiot.doctor.proc_net import Listening, listening, overlaps, service_of

TCP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0 100 0 0 10 0
   1: 0100007F:1F40 0100007F:9C40 01 00000000:00000000 00:00000000 00000000  1000        0 4712 1 0 100 0 0 10 0
   2: nonsense
"""
TCP6 = """\
  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:1F41 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 12 1 0
   1: 0000000000000000FFFF00000100007F:1F42 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 13 1 0
"""


def test_sockets() -> None:
    assert list(listening(TCP, "TCP", little_endian=True)) == [Listening("TCP", "127.0.0.1", 8000, 4711, 1000)]
    found = list(listening(TCP6, "TCP", little_endian=True))
    assert [(each.address, each.port, each.inode) for each in found] == [("::1", 8001, 12), ("127.0.0.1", 8002, 13)]
    assert list(listening("", "UDP", little_endian=True)) == []


@pytest.mark.parametrize(
    ("words", "interpreter", "service"),
    [
        (["/venv/bin/python3", "/venv/bin/aiot-broker", "--debug"], "python3.11", ("aiot-broker", ["--debug"])),
        (["python3", "-X", "dev", "/usr/bin/aiot", "up", "--demo"], "python3", ("aiot up", ["--demo"])),
        (["python3", "/usr/bin/aiot", "ls"], "python3", None),
        (["vi", "/venv/bin/aiot-broker"], "vim.basic", None),
        ([], "", None),
    ],
)
def test_processes(words: list[str], interpreter: str, service: tuple[str, list[str]] | None) -> None:
    assert service_of(words, interpreter) == service


def test_who_is_in_whose_way() -> None:
    assert overlaps("127.0.0.1", "0.0.0.0")
    assert overlaps("127.0.0.1", "::")
    assert overlaps("::", "127.0.0.1")
    assert overlaps("fe80::1", "fe80::1%eth0")
    assert not overlaps("127.0.0.1", "127.0.0.2")
    assert not overlaps("0.0.0.0", "::1")
