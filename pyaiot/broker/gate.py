# SPDX-License-Identifier: BSD-3-Clause
"""What holds peers back that are not to be read now: Tornado reads on once a future is done."""

from __future__ import annotations

import asyncio


class Gate:
    """Open at first. Must be used in one event loop."""

    __slots__ = ("_opened",)

    def __init__(self) -> None:
        self._opened: asyncio.Future[None] | None = None

    @property
    def is_shut(self) -> bool:
        """Whether somebody may be waiting."""
        return self._opened is not None and not self._opened.done()

    def shut(self) -> asyncio.Future[None]:
        """Shut it, if it is open; the future is done once it is open again."""
        if self._opened is None or self._opened.done():
            self._opened = asyncio.get_running_loop().create_future()
        return self._opened

    def open(self) -> None:
        """Whoever waits goes on; harmless when it is open."""
        opened, self._opened = self._opened, None
        if opened is not None and not opened.done():
            opened.set_result(None)
