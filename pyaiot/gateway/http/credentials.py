# SPDX-License-Identifier: BSD-3-Clause
"""The devices' passwords, as the device file has them now (``aiot device``): a change counts from the next request."""

from __future__ import annotations

import logging

from pyaiot import devices
from pyaiot.devices import DeviceFileError, Devices

logger = logging.getLogger("pyaiot.gateway.http")


class Credentials:
    """Read again when the file changes; one that cannot be read any more changes nothing."""

    def __init__(self, path: str) -> None:
        """``path`` empty: no device has a password."""
        self._path = path
        self._fingerprint: tuple[int, int, int] | None = None
        self._devices = Devices()

    def load(self) -> None:
        """Read the file; one that is not there has no devices. Raises DeviceFileError."""
        if self._path:
            self._fingerprint = devices.fingerprint(self._path)
            self._devices = devices.load_or_none(self._path)

    @property
    def devices(self) -> Devices:
        """Who has a password now."""
        if self._path and devices.fingerprint(self._path) != self._fingerprint:
            try:
                self.load()
            except DeviceFileError as error:
                logger.error("%s; the passwords that were read before stay in force", error)
            else:
                logger.info("The device file changed: %d accounts", len(self._devices.accounts))
        return self._devices
