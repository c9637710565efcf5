# SPDX-License-Identifier: BSD-3-Clause
"""What was said of whom lately, so that the log has one line of a fault, and not one of each message. Pure."""

from __future__ import annotations

#: The same thing is said of the same node again after so long, in seconds.
REPEAT_S = 600.0
#: Remembered complaints; when there are more, all are forgotten.
MAX_REMEMBERED = 1_024


class Complaints:
    """Decides whether something is worth a line. ``now`` comes in, in seconds, and never goes back."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], float] = {}

    def admits(self, uid: str, what: str, now: float) -> bool:
        """Whether ``what`` has not been said of ``uid`` within REPEAT_S; from now on it has."""
        key = uid, what
        said = self._said.get(key)
        if said is not None and now - said < REPEAT_S:
            return False
        if said is None and len(self._said) >= MAX_REMEMBERED:
            self._said.clear()
        self._said[key] = now
        return True
