# SPDX-License-Identifier: BSD-3-Clause
"""The discoveries of all devices: those that the gateway asks for, and those that we begin by ourselves.

A device that has moved, or whose last discovery failed, is looked at again when it shows itself; of that there is
only so much at once. One that does not answer is waited for beside the others, and keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pyaiot.gateway.coap.contacts import Contacts
from pyaiot.gateway.coap.discovery import Discovery

#: A discovery without any answer for so long goes on beside the others, and holds up none that waits for its turn:
#: for at most LINGER_S in all then (a silent device takes 10 s a port).
PROBE_S: Final = 2.0
LINGER_S: Final = 30.0
#: Discoveries that we begin by ourselves, at once and of one address; a device beyond them has to show itself again.
MAX_LOOKS: Final = 256
MAX_LOOKS_PER_ADDRESS: Final = 4


class Discoveries:
    """One :class:`Discovery` a device, made by ``begin`` when it is first wanted. Nothing happens once it is closed."""

    def __init__(self, contacts: Contacts, begin: Callable[[str], Discovery]) -> None:
        self._contacts = contacts
        self._begin = begin
        self._discoveries: dict[str, Discovery] = {}
        self._lingering: dict[str, asyncio.Task[None]] = {}
        self._looks: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """End all of them; nothing is reported from the first step on."""
        self._closed = True
        tasks = list(self._tasks)
        for discovery in self._discoveries.values():
            tasks += discovery.close()
        self._discoveries.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def discover(self, uid: str) -> None:
        """Discover a device; one whose address is not known is not. Never raises.

        Returns after PROBE_S if the device has not answered anything; its answers are waited for all the same.
        """
        discovery = self._of(uid)
        if discovery is None:
            return
        self._end_lingering(uid)
        task = self._spawn(discovery.run(), name=f"discover {uid}: run")
        try:
            await asyncio.wait({task}, timeout=PROBE_S)
            if not task.done() and discovery.is_answered:
                await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        if not task.done():
            self._linger(uid, task, discovery)
        elif not task.cancelled():
            task.result()

    def look_again(self, uid: str, *, moved: bool = False) -> None:
        """A known device showed itself: discover it if it moved, or if its last discovery failed some time ago."""
        discovery, device = self._of(uid), self._contacts.get(uid)
        if discovery is None or device is None or not (moved or discovery.is_due()):
            return
        host = device.source[0]
        if not self._has_room(uid, host):
            discovery.postpone()
            return
        self._looks[uid] = host
        task = self._spawn(self.discover(uid), name=f"discover {uid}")
        task.add_done_callback(lambda _: self._looks.pop(uid, None))

    def has_failed(self, uid: str) -> bool:
        """Whether the last discovery of the device failed, and none was begun since."""
        discovery = self._discoveries.get(uid)
        return discovery is not None and discovery.retry_at is not None

    def forget(self, uid: str) -> None:
        """The node is out: its discovery ends, and its observations."""
        self._end_lingering(uid)
        discovery = self._discoveries.pop(uid, None)
        if discovery is not None:
            discovery.close()

    def _of(self, uid: str) -> Discovery | None:
        if self._closed or uid not in self._contacts:
            return None
        discovery = self._discoveries.get(uid)
        if discovery is None:
            discovery = self._discoveries[uid] = self._begin(uid)
        return discovery

    def _has_room(self, uid: str, host: str) -> bool:
        """Whether a look at the device, which is at ``host``, can begin now."""
        looks = self._looks
        return (
            uid not in looks
            and len(looks) < MAX_LOOKS
            and sum(other == host for other in looks.values()) < MAX_LOOKS_PER_ADDRESS
        )

    def _linger(self, uid: str, task: asyncio.Task[None], discovery: Discovery) -> None:
        def give_up() -> None:
            discovery.postpone()
            task.cancel()

        def over(_: asyncio.Task[None]) -> None:
            timer.cancel()
            if self._lingering.get(uid) is task:
                del self._lingering[uid]

        self._end_lingering(uid)
        self._lingering[uid] = task
        timer = asyncio.get_running_loop().call_later(LINGER_S, give_up)
        task.add_done_callback(over)

    def _end_lingering(self, uid: str) -> None:
        task = self._lingering.pop(uid, None)
        if task is not None:
            task.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
