# SPDX-License-Identifier: BSD-3-Clause
"""Symbolic links where root reads and writes what services and users keep: none leads out of what is theirs."""

from __future__ import annotations

import os

from pyaiot.options import ConfigurationError


def check_link(path: str) -> None:
    """Raise ConfigurationError where ``path`` leads root to another user's file than its folder's.

    Who can write in the folder of a state can put a link there, to what only root may read or replace.
    """
    if os.geteuid():
        return
    at = os.path.abspath(path)
    while at.strip("/"):
        if os.path.islink(at):
            real, owner = os.path.realpath(at), _owner(os.path.dirname(at))
            if owner not in (None, 0, _owner(real if os.path.lexists(real) else os.path.dirname(real))):
                raise ConfigurationError(f"{at} is a link to {real}, which is another user's: root does not follow it")
        at = os.path.dirname(at)


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
