# SPDX-License-Identifier: BSD-3-Clause
"""The loop that does everything: network, link, the user's functions, the watchdog. Nothing but Ctrl-C ends it.

It needs no asyncio (Pycom's own firmware has none), but runs on it where it is there, so that the user's functions may
be coroutines.
"""

import gc
import time

from micropython import const

from aiot import log

#: The pause when there was nothing to do.
_PAUSE_MS = const(20)
_COLLECT_MS = const(10000)


class Loop:
    """``wifi``: a Wifi, or None where the network is somebody else's. ``watchdog``: has ``feed()``, or None."""

    def __init__(self, node, link, wifi, watchdog):
        self._node = node
        self._link = link
        self._wifi = wifi
        self._watchdog = watchdog
        self._collect_at = 0

    def step(self):
        """One round; whether there is more to do at once. The watchdog is fed here only: whoever hangs is reset."""
        node = self._node
        busy = False
        try:
            now = node.now()
            if self._watchdog is not None:
                self._watchdog.feed()
            if now >= self._collect_at:
                self._collect_at = now + _COLLECT_MS
                gc.collect()
            busy = node.work(now)
            if self._wifi is None or self._wifi.step(now):
                busy = self._link.step(node, node.now()) or busy
            else:
                self._link.drop(node, now, "Wi-Fi is gone")
        except Exception as error:
            node.faults += 1
            log.fault("the loop", error)
        return busy


def run(node, link, wifi, watchdog):
    """For ever."""
    try:
        import asyncio
    except ImportError:
        run_alone(_loop(node, link, wifi, watchdog))
    asyncio.run(serve(node, link, wifi, watchdog))


def run_alone(loop):
    """For ever, where there is no asyncio."""
    while True:
        # Also when busy, so that the system gets its turn.
        time.sleep_ms(0 if loop.step() else _PAUSE_MS)


async def serve(node, link, wifi, watchdog):
    """For ever, beside other tasks of asyncio."""
    import asyncio

    loop = _loop(node, link, wifi, watchdog)
    tasks = set()

    def spawn(coroutine):
        # asyncio of MicroPython keeps its tasks, CPython's does not.
        task = asyncio.create_task(coroutine)
        if hasattr(task, "add_done_callback"):
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    node.spawn = spawn
    while True:
        busy = loop.step()
        # Also when busy, so that others get their turn.
        await asyncio.sleep(0 if busy else _PAUSE_MS / 1000)


def _loop(node, link, wifi, watchdog):
    if isinstance(link, str):
        from aiot.link import Link

        link = Link(link)
    log.say("%s starts, as %s" % (node.resources["name"].text, node.id))
    return Loop(node, link, wifi, watchdog)
