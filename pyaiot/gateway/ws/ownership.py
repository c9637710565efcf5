# SPDX-License-Identifier: BSD-3-Clause
"""Whose an id is here and now: who has its key, and the one timer that ends connections of those who lost theirs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from pyaiot.gateway.credentials import Credentials
from pyaiot.gateway.device_tokens.recurring_call import RecurringCall
from pyaiot.gateway.ws.residents import Resident

#: How often the device file is looked at when nobody connects.
LOOK_S = 1.0
#: Connections ended at once; the next ones come GRAIN_S later, so that nobody else waits long.
MAX_AT_ONCE = 256
GRAIN_S = 0.02

#: The session that speaks for a node, if one does.
Find = Callable[[str], Resident | None]


class Ownership:
    """Guards the ids in the device file: one that has a key is only had with it, and only for as long."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._find: Find
        self._ending: deque[tuple[Resident, str]] = deque()
        self._looks = RecurringCall(self._look)

    def start(self, find: Find) -> None:
        """Read the device file, and begin to look. Raises DeviceFileError."""
        self._credentials.load()
        self._find = find
        self._looks.start(LOOK_S)

    def stop(self) -> None:
        """Look no more."""
        self._ending.clear()
        self._looks.stop()

    def may_be(self, uid: str, key: bytes | None) -> bool:
        """Whether a device may be called ``uid``: it gives the right key, or none, and there is none for that id."""
        self._refresh()
        if key is None:
            return not self._credentials.guards(uid)
        return self._credentials.verify(uid, key) == "device"

    def _refresh(self) -> None:
        # Who comes from now on has been asked for the key as it is now; so those are found at once that were not.
        for uid in self._credentials.refresh():
            session = self._find(uid)
            if session is not None:
                self._ending.append((session, "the key of its id was changed or removed"))

    def released(self, uids: Sequence[str]) -> None:
        """Those ids are not any more the accounts' that tokens have proved them for: end what they let in."""
        for uid in uids:
            session = self._find(uid)
            if session is not None and session.proof is not None and session.proof.kind == "token":
                self._ending.append((session, "its id was released"))
        if self._ending:
            self._looks.hasten(GRAIN_S)

    def _look(self) -> float:
        """When to look again, in seconds."""
        self._refresh()
        for _ in range(min(len(self._ending), MAX_AT_ONCE)):
            session, why = self._ending.popleft()
            session.revoked(why)
        return GRAIN_S if self._ending else LOOK_S
