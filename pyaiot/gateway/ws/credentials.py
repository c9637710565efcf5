# SPDX-License-Identifier: BSD-3-Clause
"""The devices' keys, as the device file has them now (``aiot device``): a change counts from the next connection on."""

from __future__ import annotations

import logging

from pyaiot import devices
from pyaiot.devices import DeviceFileError, Devices

logger = logging.getLogger("pyaiot.gateway.ws")


class Credentials:
    """Read again when the file changes; one that cannot be read any more changes nothing."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._fingerprint: tuple[int, int, int] | None = None
        self._devices = Devices()

    def load(self) -> None:
        """Read the file; one that is not there has no devices. Raises DeviceFileError."""
        if self._path:
            self._fingerprint = devices.fingerprint(self._path)
            self._devices = devices.load_or_none(self._path)

    def may_be(self, uid: str, key: bytes | None) -> bool:
        """Whether a device may be called ``uid``: it gives the right key, or none, and there is none for that id."""
        self._refresh()
        if key is None:
            return uid not in self._devices.accounts
        return self._devices.verify(uid, key) == "device"

    def _refresh(self) -> None:
        found = devices.fingerprint(self._path) if self._path else None
        if found == self._fingerprint:
            return
        if found is None:
            # Whoever wants to open all ids says so with an empty file.
            self._fingerprint = None
            logger.error("%s is gone; the keys known before still count", self._path)
            return
        try:
            self.load()
        except DeviceFileError as error:
            logger.error("%s; the keys known before still count", error)
        else:
            logger.info("%s was read again: %d accounts", self._path, len(self._devices.accounts))
