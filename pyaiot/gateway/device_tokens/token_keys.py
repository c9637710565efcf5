# SPDX-License-Identifier: BSD-3-Clause
"""The public keys that devices' tokens are checked by: every ``*.pem`` in one folder, read again when it changes."""

from __future__ import annotations

import errno
import logging
import os
import stat
from pathlib import Path

from pyaiot.gateway.device_tokens.tokens import MAX_KEYS, BadKey, TokenKey
from pyaiot.options import ConfigurationError
from pyaiot.private_file import open_at_once

logger = logging.getLogger("pyaiot.gateway.tokens")

#: The longest key file, in bytes; one of 4096 bits has 800.
MAX_KEY_FILE_BYTES = 16_384

#: Errors that are the host's and not a file's: they say nothing about the keys, and pass.
_OF_THE_HOST = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})

#: Name, time of change, inode, size and mode of each file, by its name; before them, the folder's mode.
_Listing = tuple[tuple[str, int, int, int, int], ...]


class TokenKeys:
    """The keys in ``folder``. Blocks for as long as it takes to look at a few small files."""

    def __init__(self, folder: str | Path, *, required: bool = False) -> None:
        """``required``: the gateway does not start without the folder."""
        self._required = required
        self.folder = Path(os.path.expanduser(folder))
        self.keys: tuple[TokenKey, ...] = ()
        self._seen: _Listing | None = None
        #: Why it could not be looked at the last time, which is said once.
        self._unreadable: str | None = None

    def load(self) -> None:
        """Read the folder for the first time. Raises ConfigurationError: it holds what cannot be used, or others can
        write there; or it is not there, and required.
        """
        try:
            seen = self._look()
            if seen is None:
                if self._required:
                    raise ConfigurationError(
                        f"--device-keys: there is no folder {self.folder}: make it, or run aiot device-token ID"
                    )
                return
            self._check_mode(self.folder)
            keys, faults = self._read(seen)
        except OSError as error:
            raise ConfigurationError(f"--device-keys: {self.folder} cannot be read: {error.strerror}") from None
        if faults:
            raise ConfigurationError(f"--device-keys: {faults[0]}")
        self._seen, self.keys = seen, keys

    def refresh(self) -> bool:
        """Look again; true when the keys are others than before. What cannot be used is said in the log, once.

        A folder that is gone has no keys; but one that cannot be read just now, as when this process has too many
        open files, changes nothing.
        """
        fault: str | None = None
        keys: tuple[TokenKey, ...] = ()
        faults: list[str] = []
        try:
            try:
                seen = self._look()
            except NotADirectoryError as error:
                seen, fault = None, f"{self.folder} cannot be read: {error.strerror}"
            if seen == self._seen:
                self._unreadable = None
                return False
            if seen is not None:
                self._check_mode(self.folder)
                keys, faults = self._read(seen)
        except ConfigurationError as error:
            fault = str(error)
        except OSError as error:
            if error.strerror != self._unreadable:
                self._unreadable = error.strerror
                logger.error(
                    "%s cannot be read: %s; the keys that were read before stay in force", self.folder, error.strerror
                )
            return False
        self._seen, self._unreadable = seen, None
        for each in faults:
            logger.warning("a key of devices' tokens is left out: %s", each)
        if fault is not None:
            logger.error("no token of a device is good any more: %s", fault)
        before = {key.digest for key in self.keys}
        self.keys = keys
        if before == {key.digest for key in keys}:
            return False
        logger.info("tokens of devices are checked by: %s", ", ".join(key.name for key in keys) or "no key")
        return True

    def _look(self) -> _Listing | None:
        """What there is to read; None: there is no folder. Raises OSError."""
        try:
            found = [("", 0, 0, 0, os.stat(self.folder).st_mode)]
            entries = os.listdir(self.folder)
        except FileNotFoundError:
            return None
        for name in entries:
            if name.endswith(".pem") and not name.startswith("."):
                try:
                    status = os.stat(self.folder / name)
                except FileNotFoundError:  # it has just gone, or is a link to nothing
                    continue
                except OSError as error:
                    if error.errno in _OF_THE_HOST or not os.access(self.folder, os.X_OK):
                        raise
                    found.append((name, 0, 0, 0, 0))  # a link to itself, say: reading it will say what is wrong
                    continue
                found.append((name, status.st_mtime_ns, status.st_ino, status.st_size, status.st_mode))
        return tuple(sorted(found))

    def _read(self, seen: _Listing) -> tuple[tuple[TokenKey, ...], list[str]]:
        """The keys, and what is wrong with each file that holds none. Raises OSError: the host's fault."""
        if len(seen) == 1:
            return (), []
        from pyaiot.gateway.device_tokens.signatures import read_key  # 10 MB: only for who has keys

        keys: list[TokenKey] = []
        faults: list[str] = []
        for name, *_ in seen[1:]:
            path = self.folder / name
            try:
                if len(keys) == MAX_KEYS:
                    raise BadKey(f"there are {MAX_KEYS} keys already, which is all that are tried")
                self._check_mode(path)
                with open(path, "rb", opener=open_at_once) as file:
                    raw = file.read(MAX_KEY_FILE_BYTES + 1)
                if len(raw) > MAX_KEY_FILE_BYTES:
                    raise BadKey("it is too large")
                keys.append(read_key(path.stem, raw))
            except OSError as error:
                if error.errno in _OF_THE_HOST:
                    raise
                faults.append(f"{path}: {error.strerror}")
            except (BadKey, ConfigurationError) as error:
                faults.append(f"{path}: {error}")
        return tuple(keys), faults

    def _check_mode(self, path: Path) -> None:
        """Raise ConfigurationError when others could put a key of theirs in place. A missing file is no matter."""
        try:
            mode = os.stat(path).st_mode
        except OSError:
            return
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not (stat.S_ISDIR(mode) and mode & stat.S_ISVTX):
            raise ConfigurationError(f"others can write to {path}: run chmod go-w {path}")
