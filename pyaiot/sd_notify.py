# SPDX-License-Identifier: BSD-3-Clause
"""Word to systemd: that a service is ready, stops, and is alive (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping

#: A sign of life comes so many times within what systemd waits for one.
SIGNS_WITHIN = 3


def notify(state: str) -> None:
    """Tell systemd, when it is listening at ``NOTIFY_SOCKET``; no harm where it is not."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
        there.sendto(state.encode(), address)


def watchdog_interval_s(environment: Mapping[str, str], pid: int) -> float | None:
    """How often systemd is to be told that process ``pid`` lives, in seconds; None if it does not wait for that."""
    try:
        wait_s = int(environment.get("WATCHDOG_USEC", "")) / 1_000_000
    except ValueError:
        return None
    if wait_s <= 0 or environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return wait_s / SIGNS_WITHIN


async def stay_alive() -> None:
    """Tell systemd again and again that the event loop turns: where it does not, systemd starts the service anew."""
    interval_s = watchdog_interval_s(os.environ, os.getpid())
    while interval_s is not None:
        notify("WATCHDOG=1")
        await asyncio.sleep(interval_s)
