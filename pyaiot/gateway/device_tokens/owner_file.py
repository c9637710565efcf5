# SPDX-License-Identifier: BSD-3-Clause
"""Keeps in a file whose the ids of devices are, off the event loop; gateways of one host may share the file.

Each says there what it has learned, and nothing of what others have changed is lost (see owners.merge): so does
``aiot device release``, which a running gateway notices within a second.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from pyaiot.gateway.device_tokens.owners import Accounts, BadOwners, Owners, bounded, merge, parse, render
from pyaiot.gateway.device_tokens.recurring_call import RecurringCall
from pyaiot.options import ConfigurationError
from pyaiot.private_file import PrivateFile, fingerprint

logger = logging.getLogger("pyaiot.gateway.tokens")

#: How often it is looked whether there is something to save, or the file has changed: so much is lost at most of what
#: was proved last, when the gateway is killed.
LOOK_S = 0.5
#: With many ids to read and write it is done less often: between two times this often as long as the last one took.
REST = 9.0
#: When to try again after a failure, if the file is as it was.
RETRY_S = 30.0

Mark = tuple[int, int, int] | None


class OwnerFileError(ConfigurationError):
    """The owners file cannot be used; one line that says what to do."""


FILE = PrivateFile("owners file", "the devices' owners", "aiot device list", OwnerFileError)


def load(path: str | Path) -> Accounts:
    """Read an owners file. Raises OwnerFileError: missing, none, or others than its owner can read it."""
    try:
        return parse(FILE.read(path))
    except BadOwners as error:
        raise FILE.invalid(
            path, f"{error}: restore it, or delete it, and every id is open until it is proved again"
        ) from None


def load_or_none(path: str | Path) -> Accounts:
    """As :func:`load`; a file that is not there says nothing, but one that cannot be reached is an error."""
    return load(path) if fingerprint(path) is not None else {}


def store(path: str | Path, accounts: Accounts) -> None:
    """Write an owners file, 0600 in a directory of 0700, whole or not at all. Raises OwnerFileError."""
    FILE.write(path, render(accounts))


class OwnerFile:
    """``owners``, and the file at ``path`` that they are kept in; an empty path keeps them nowhere."""

    def __init__(self, path: str = "") -> None:
        self.owners = Owners()
        self._path = os.path.expanduser(path)
        self._mark: Mark = None
        self._lost: Callable[[Sequence[str]], None]
        self._looks = RecurringCall(self._look)
        self._saving: asyncio.Task[None] | None = None
        #: What went wrong the last time, which is said once; with which file, and until when that is taken to be so.
        self._fault: str | None = None
        self._fault_mark: Mark = None
        self._retry_at = 0.0
        self._rests_until = 0.0
        self._crowded_told = 0

    def start(self, lost: Callable[[Sequence[str]], None]) -> None:
        """Read the file, and begin to look; ``lost`` is told of ids that lost their owner.

        Raises OwnerFileError: what is there is none, or what is proved could not be kept there.
        """
        if not self._path:
            return
        FILE.check_writable(self._path, "choose another with --device-owners, or none with --device-owners=")
        self._lost = lost
        self._mark = fingerprint(self._path)
        self.owners.adopt(load_or_none(self._path))
        self._looks.start(LOOK_S)

    async def stop(self) -> None:
        """Look no more, and save what is not saved."""
        if not self._looks.runs:
            return
        self._looks.stop()
        if self._saving is not None:
            await self._saving
        if self._has_news:
            await self._synchronise(fingerprint(self._path))

    @property
    def _has_news(self) -> bool:
        return bool(self.owners.unsaved or self.owners.forgotten)

    def _look(self) -> float:
        """When to look again, in seconds."""
        if self._saving is None or self._saving.done():
            loop = asyncio.get_running_loop()
            mark = fingerprint(self._path)
            hopeless = mark == self._fault_mark and loop.time() < self._retry_at
            if (self._has_news or mark != self._mark) and not hopeless and loop.time() >= self._rests_until:
                self._saving = loop.create_task(self._synchronise(mark), name="owners of ids: read and save")
        return LOOK_S

    async def _synchronise(self, mark: Mark) -> None:
        """Say in the file what is not there, and take over what is. What cannot be done is said in the log, once."""
        owners, before = self.owners, self._mark
        known, unsaved, forgotten = dict(owners.accounts), dict(owners.unsaved), dict(owners.forgotten)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            saved, self._mark = await asyncio.to_thread(_exchange, self._path, known, unsaved, forgotten)
        except OwnerFileError as error:
            self._note(error, mark)
            return
        finally:
            self._rests_until = loop.time() + REST * (loop.time() - began)
        if mark is None and before is not None:
            logger.warning("The owners file %s was gone; what it said holds, and is there again", self._path)
        self._fault, self._retry_at = None, 0.0
        for uid in unsaved:
            owners.unsaved.pop(uid, None)
        for uid in forgotten:
            owners.forgotten.pop(uid, None)
        lost = owners.adopt(saved)
        if owners.crowded_out > self._crowded_told:
            logger.warning(
                "%d ids of devices were forgotten, as there is no room for more: each is open until it is proved again",
                owners.crowded_out - self._crowded_told,
            )
            self._crowded_told = owners.crowded_out
        if lost:
            logger.info("By the owners file released: %s", f"{len(lost)} ids" if lost[1:] else lost[0])
            self._lost(lost)

    def _note(self, error: OwnerFileError, mark: Mark) -> None:
        self._fault_mark = mark
        self._retry_at = asyncio.get_running_loop().time() + RETRY_S
        if str(error) != self._fault:
            self._fault = str(error)
            logger.error("%s; what was proved before holds, but what is new is forgotten when the gateway ends", error)


def _exchange(path: str, known: Accounts, unsaved: Accounts, forgotten: dict[str, None]) -> tuple[Accounts, Mark]:
    """Bring the file up to date; what it then says, and its mark. Raises OwnerFileError. For a thread."""
    mark = fingerprint(path)
    if mark is not None and not unsaved and not forgotten:
        return load(path), mark
    with FILE.changing(path):
        saved = load(path) if fingerprint(path) is not None else None
        merged = merge(saved, known, unsaved, forgotten)
        if saved is None and not merged:
            return merged, None
        if merged != saved:
            store(path, bounded(merged))
        return merged, fingerprint(path)
