# SPDX-License-Identifier: BSD-3-Clause
"""Reads what belongs into a backup."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from pyaiot.backup.contents import KEY_FILE, MAX_FILE_BYTES, Kept
from pyaiot.backup.layout import Place
from pyaiot.backup.links import check_link
from pyaiot.key_parts import GATEWAYS
from pyaiot.options import ConfigurationError
from pyaiot.private_file import open_at_once
from pyaiot.settings import SERVICES


def collect(places: Sequence[Place]) -> tuple[list[Kept], list[Place]]:
    """The files that are there; and of those that are not, the keys, and what somebody chose and no service makes.

    Raises ConfigurationError: one is there, and cannot be read or is none.
    """
    files: list[Kept] = []
    missing: list[Place] = []
    for place in places:
        try:
            for path in _paths(place):
                kept = _read(place, path)
                # A gateway that is not used here has an empty key file: it says nothing.
                if place.role != KEY_FILE or kept.content.strip():
                    files.append(kept)
        except FileNotFoundError:
            # Without keys it is hardly the backup that was wanted: of another user's services, say.
            if place.role == KEY_FILE or (place.chosen and place.keeps != "state"):
                missing.append(place)
        except OSError as error:
            raise ConfigurationError(f"{error.filename} cannot be read: {error.strerror}") from None
    if any(kept.role == KEY_FILE for kept in files):
        # Where each has its own file, a host without a broker, or without one of the gateways, lacks none.
        missing = [place for place in missing if place.role != KEY_FILE or _is_wanted(place)]
    return files, missing


def _is_wanted(place: Place) -> bool:
    """Whether a key file that is not there should be, though others are: it is that of all, or somebody named it."""
    folder = os.path.basename(os.path.dirname(place.path))
    of_gateway = place.services == (folder,) and folder in GATEWAYS.values()
    return {*SERVICES} <= {*place.services} or (place.chosen and not of_gateway)


def _paths(place: Place) -> list[str]:
    if not place.is_folder:
        return [place.path]
    names = sorted(name for name in os.listdir(place.path) if name.endswith(".pem") and not name.startswith("."))
    return [f"{place.path}/{name}" for name in names]


def _read(place: Place, path: str) -> Kept:
    check_link(path)
    with open(path, "rb", opener=open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{path} is no ordinary file")
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise ConfigurationError(f"{path} is larger than {MAX_FILE_BYTES} bytes, which is more than a backup takes")
    return Kept(place.role, place.services, path, stat.S_IMODE(status.st_mode) & 0o777, content)
