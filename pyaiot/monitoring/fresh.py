# SPDX-License-Identifier: BSD-3-Clause
"""The text for ``/metrics``, written anew only so often: that takes milliseconds, more where there are many nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Final

from pyaiot.monitoring.families import Family

#: Whoever asks more often is told the same text.
FRESH_S: Final = 0.2


class FreshText:
    """Of what ``families`` tells when it is asked."""

    def __init__(self, families: Callable[[], Iterable[Family]]) -> None:
        self._families = families
        self._text = b""
        self._at = -FRESH_S

    def get(self) -> bytes:
        """It, no older than FRESH_S."""
        # Read by those only who are asked: it costs a megabyte.
        from pyaiot.monitoring.exposition import render

        now = time.monotonic()
        if now - self._at >= FRESH_S:
            self._text, self._at = render(self._families()), now
        return self._text
