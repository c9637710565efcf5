# SPDX-License-Identifier: BSD-3-Clause
"""Files that only their owner can read: read with suspicion, replaced as a whole, changed by one at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pyaiot.options import ConfigurationError

MAX_FILE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class PrivateFile:
    """What a kind of file is called in messages, how one comes by it, and the error that says what is wrong."""

    what: str
    folder: str
    how: str
    error: type[ConfigurationError]

    def read(self, path: str | Path) -> str:
        """The text of the file. Raises ``error``: missing, others than its owner can read it, not text."""
        path = Path(os.path.expanduser(path))
        try:
            with open(path, "rb", opener=open_at_once) as file:
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode):
                    raise self.error(f"Invalid {self.what} provided: '{path}': it is no ordinary file")
                for folder in {path.parent, _target(path).parent}:
                    self._check_folder(folder)
                if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO) and not _is_credential(path):
                    raise self.error(f"others can read the {self.what} {path}: run chmod 600 {path}")
                raw = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            name = self.what.capitalize()
            raise self.error(f"{name} provided doesn't exist: {str(path)!r}: run {self.how}") from None
        except OSError as error:
            raise self.error(f"the {self.what} {path} cannot be read: {error.strerror}") from None
        if len(raw) > MAX_FILE_BYTES:
            raise self.invalid(path, "too large")
        try:
            return raw.decode()
        except UnicodeError:
            raise self.invalid(path, "not text") from None

    def invalid(self, path: str | Path, reason: object) -> ConfigurationError:
        """The error for a file that was read and makes no sense."""
        return self.error(f"Invalid {self.what} provided: '{Path(os.path.expanduser(path))}': {reason}")

    def write(self, path: str | Path, content: str | bytes) -> None:
        """Write the file, 0600 in a directory of 0700, whole or not at all; a link stays one. Raises ``error``."""
        path = _target(path)
        try:
            self._make_folder(path)
            descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name + ".")
            try:
                with open(descriptor, "wb") as file:
                    file.write(content.encode() if isinstance(content, str) else content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise self.error(f"the {self.what} {path} cannot be written: {error.strerror}") from None

    def check_writable(self, path: str | Path, advice: str) -> None:
        """Raise ``error``, with ``advice``, if :meth:`write` could not; the folder is there then, and no file new."""
        path = _target(path)
        try:
            self._make_folder(path)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise self.error(f"the {self.what} {path} cannot be written: {error.strerror}: {advice}") from None

    @contextlib.contextmanager
    def changing(self, path: str | Path) -> Iterator[None]:
        """Nobody else is inside this ``with``, so that of two changes at once none is lost. Raises ``error``.

        The lock is on a file beside the one that is replaced, and ends with its holder, whatever becomes of that.
        """
        path = _target(path)
        lock = path.with_name(path.name + ".lock")
        try:
            self._make_folder(path)
            descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise self.error(f"the {self.what} {path} cannot be changed: {lock}: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _make_folder(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._check_folder(path.parent)

    def _check_folder(self, folder: Path) -> None:
        """Raise ``error`` when others could put another file in this one's place."""
        mode = os.stat(folder).st_mode
        if mode & (stat.S_IWGRP | stat.S_IWOTH) and not mode & stat.S_ISVTX:
            raise self.error(f"others can write in the folder of {self.folder}: run chmod 700 {folder}")


def fingerprint(path: str | Path) -> tuple[int, int, int] | None:
    """Changes whenever the file or its mode does, and when it cannot be reached; None when it is not there."""
    try:
        status = os.stat(os.path.expanduser(path))
    except FileNotFoundError:
        return None
    except OSError as error:  # it may be there: reading it will say what is wrong
        return -1, -1, error.errno or 0
    return status.st_ctime_ns, status.st_ino, status.st_size


def _target(path: str | Path) -> Path:
    """The file that is meant, which a symbolic link at ``path`` may only lead to."""
    return Path(os.path.realpath(os.path.expanduser(path)))


def _is_credential(path: Path) -> bool:
    """Whether systemd put it there for this service alone: then an ACL says who may read it, and the mode does not."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.parent == Path(str(folder))


def open_at_once(path: str, flags: int) -> int:
    """Open without waiting for the other end of what is no ordinary file."""
    return os.open(path, flags | os.O_NONBLOCK)
