# SPDX-License-Identifier: BSD-3-Clause
"""A machine is lost; on a new one, from a backup, the broker is the one that gateways of other hosts know."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyaiot.keys import Keys
from tests.lasting_ports import lasting_port
from tests.process.processes import CONNECTED, Host


async def test_a_gateway_elsewhere_finds_the_broker_again(host: Host, keys: Keys, tmp_path: Path) -> None:
    assert (await host.run("aiot", "backup", "pi.tar.gz")).code == 0
    broker, port = await host.broker(port=lasting_port("localhost"))
    gateway, _ = await host.coap_gateway(port)
    await broker.kill()
    seen = len(gateway.lines)
    machine = Host(tmp_path / "new")
    machine.home.mkdir()
    try:
        restored = await machine.run("aiot", "restore", str(host.home / "pi.tar.gz"))
        assert (restored.code, restored.err) == (0, "")
        assert str(machine.key_file) in restored.out
        await machine.broker(port=port)
        await gateway.says(CONNECTED, after=seen)
        assert not [line for line in gateway.lines[seen:] if "refused" in line]
    finally:
        await machine.close()
    assert machine.faults() == []


@pytest.mark.parametrize("what", [b"", b"\x1f\x8b\x08\x00not gzip at all", b"\x1b[31mred"])
async def test_what_is_no_backup_is_one_line(what: bytes, host: Host) -> None:
    (host.home / "bad").write_bytes(what)
    done = await host.run("aiot", "restore", "bad")
    assert (done.code, done.out) == (78, "")
    assert done.err.startswith("aiot: bad cannot be restored: ")
    assert done.err.count("\n") == 1
    assert not host.key_file.exists()
