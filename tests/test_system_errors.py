# SPDX-License-Identifier: BSD-3-Clause
"""One line of what the system says, also where a name has several addresses and none of them answers."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from typing import Any

import pytest

from pyaiot.client import Client, Offline
from pyaiot.system_errors import MAX_REASON, number_of, reason_of
from tests.lasting_ports import lasting_port


async def test_that_no_address_of_a_name_listens_is_told_as_of_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of localhost where that is ::1, too; then asyncio's own text has the addresses, and no number beside it."""
    port = lasting_port()

    async def look_up(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (1, 2)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", look_up)
    with pytest.raises(OSError, match="Multiple exceptions") as raised:
        await asyncio.open_connection("both.example", port)
    assert (number_of(raised.value), reason_of(raised.value)) == (errno.ECONNREFUSED, "Connection refused")
    with pytest.raises(Offline, match="nothing listens there"):
        async with Client(f"both.example:{port}", patience_s=0):
            pass


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.ECONNREFUSED, "Connect call failed ('127.0.0.1', 1)"), "Connection refused"),
        (ConnectionResetError(), "ConnectionResetError"),
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "Name or service not known"),
        (ssl.SSLError(1, "wrong version number"), "wrong version number"),
        (ValueError("one\ntwo"), "one"),
        (OSError("x" * 1_000), "x" * MAX_REASON),
    ],
)
def test_a_reason_is_one_line(error: Exception, reason: str) -> None:
    assert reason_of(error) == reason
