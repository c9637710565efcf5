# SPDX-License-Identifier: BSD-3-Clause
"""Carries a plan out: all of it or, as far as files allow, nothing. What was there before is kept beside."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from pyaiot.backup.contents import ENVIRONMENT
from pyaiot.backup.links import check_link
from pyaiot.backup.plan import Step
from pyaiot.backup.settings_text import assignments
from pyaiot.options import ConfigurationError

State = Literal["new", "same", "differs"]
#: Of what is there only so much is read to compare: what a backup holds is shorter.
_MOST: Final = 5 * 1024 * 1024


def look(step: Step) -> State:
    """What is there now, as to be written.

    A file that says nothing yet (an empty one, options all commented out) counts as new, one that others can read, too.

    Raises ConfigurationError: something else than a file is there, or it cannot be read.
    """
    try:
        status = os.stat(step.path)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigurationError(f"{step.path} is in the way: it is no ordinary file")
        with open(step.path, "rb") as file:
            content = file.read(_MOST)
    except FileNotFoundError:
        return "new"
    except OSError as error:
        raise ConfigurationError(f"{step.path} cannot be read: {error.strerror}") from None
    if content == step.content:
        return "new" if status.st_mode & 0o077 & ~step.mode else "same"
    if not content or (step.role == ENVIRONMENT and not assignments(content.decode("utf-8", "replace"))):
        return "new"
    return "differs"


@dataclass
class Restoration:
    """``stamp`` marks what is kept of before: ``keys.before-restore-<stamp>``."""

    stamp: str
    #: What was there before, by the path that it had.
    _old: dict[str, str] = field(default_factory=dict)
    _staged: dict[str, str] = field(default_factory=dict)
    _folders: list[str] = field(default_factory=list)
    _placed: list[str] = field(default_factory=list)

    def carry_out(self, steps: Sequence[Step], *, differing: frozenset[str], public: str) -> None:
        """Write everything beside its place first, then put it there by renaming. Raises ConfigurationError.

        After an error everything is as it was. Of the ``differing`` paths what was there is kept beside. Of the folders
        that are not there yet, those in ``public`` are for all to look into.
        """
        path = ""
        try:
            for step in steps:
                path = step.path
                self._stage(step, public)
            for step in steps:
                path = step.path
                self._put(path)
        except BaseException as error:
            self._undo()
            if isinstance(error, OSError):
                advice = ": run it as root" if isinstance(error, PermissionError) and os.getuid() else ""
                raise ConfigurationError(
                    f"{path} cannot be written: {error.strerror}; nothing was changed{advice}"
                ) from None
            raise
        for path, old in self._old.items():
            if path not in differing:
                with contextlib.suppress(OSError):
                    os.unlink(old)

    def _stage(self, step: Step, public: str) -> None:
        path = os.path.realpath(step.path)
        check_link(step.path)
        folder = os.path.dirname(path)
        self._make_folder(folder, 0o755 if public and f"{folder}/".startswith(f"{public}/") else 0o700)
        descriptor, staged = tempfile.mkstemp(dir=folder, prefix=os.path.basename(path) + ".")
        self._staged[step.path] = staged
        with open(descriptor, "wb") as file:
            file.write(step.content)
            os.fchmod(descriptor, step.mode)
            _give(descriptor, folder)
            file.flush()
            os.fsync(descriptor)

    def _make_folder(self, folder: str, mode: int) -> None:
        if os.path.isdir(folder):
            return
        above = os.path.dirname(folder)
        self._make_folder(above, mode)
        os.mkdir(folder, mode)
        self._folders.append(folder)
        os.chmod(folder, mode)
        _give(folder, above)

    def _put(self, named: str) -> None:
        path = os.path.realpath(named)
        old = beside(path, self.stamp)
        try:
            os.rename(path, old)
        except FileNotFoundError:
            pass
        else:
            self._old[named] = old
        os.rename(self._staged[named], path)
        del self._staged[named]
        self._placed.append(named)

    def _undo(self) -> None:
        for path in self._placed:
            if path not in self._old:
                with contextlib.suppress(OSError):
                    os.unlink(os.path.realpath(path))
        for path, old in self._old.items():
            with contextlib.suppress(OSError):
                os.replace(old, os.path.realpath(path))
        for staged in self._staged.values():
            with contextlib.suppress(OSError):
                os.unlink(staged)
        for folder in reversed(self._folders):
            with contextlib.suppress(OSError):
                os.rmdir(folder)


def beside(path: str, stamp: str) -> str:
    """Where what is at ``path`` is kept."""
    return f"{os.path.realpath(path)}.before-restore-{stamp}"


def _give(what: int | str, folder: str) -> None:
    """Root gives what it writes to whom the folder belongs: a user's to the user, a unit's state to its user."""
    if os.getuid() == 0:
        status = os.stat(folder)
        os.chown(what, status.st_uid, status.st_gid)
