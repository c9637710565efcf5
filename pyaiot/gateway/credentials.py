# SPDX-License-Identifier: BSD-3-Clause
"""The devices' keys, as the device file has them now (``aiot device``), for gateways that devices connect to."""

from __future__ import annotations

import logging

from pyaiot import devices
from pyaiot.devices import DeviceFileError, Devices, Kind

logger = logging.getLogger("pyaiot.gateway.credentials")


class Credentials:
    """Looked at again whenever it is asked for; a file that has become unreadable changes nothing."""

    def __init__(self, path: str) -> None:
        """``path`` empty: no device has a key."""
        self._path = path
        self._fingerprint: tuple[int, int, int] | None = None
        self._devices = Devices()
        self._guarded: frozenset[str] = frozenset()

    def load(self) -> None:
        """Read the file; one that is not there has no devices. Raises DeviceFileError."""
        if self._path:
            self._fingerprint = devices.fingerprint(self._path)
            self._devices = devices.load_or_none(self._path)
            self._guarded = frozenset(self._devices.accounts)

    def refresh(self) -> frozenset[str]:
        """Look at the file: the ids whose key is another than before, that have one now or have none any more.

        Takes two microseconds where nothing has changed. A file that is gone has no keys; but the ids in it stay
        guarded, so that a file lost by accident opens no door. Who wants that says so with an empty file.
        """
        found = devices.fingerprint(self._path) if self._path else None
        if found == self._fingerprint:
            return frozenset()
        before, guarded = self._devices.accounts, self._guarded
        try:
            self.load()
        except DeviceFileError as error:
            logger.error("%s; the keys that were read before stay in force", error)
            return frozenset()
        now = self._devices.accounts
        if self._fingerprint is None:
            self._guarded = guarded
            logger.error("The device file %s is gone: no key of a device is good any more", self._path)
        else:
            logger.info("The device file changed: %d accounts", len(now))
        return frozenset(uid for uid in before.keys() | now.keys() if before.get(uid) != now.get(uid))

    def __len__(self) -> int:
        """How many have a key."""
        return len(self._devices.accounts)

    def guards(self, uid: str) -> bool:
        """Whether ``uid`` is only had with its key."""
        return uid in self._guarded

    def verify(self, user: str, key: bytes) -> Kind | None:
        """What ``user`` is, or None (see devices.Devices)."""
        return self._devices.verify(user, key)
