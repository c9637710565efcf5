# SPDX-License-Identifier: BSD-3-Clause
"""Symbolic links where root reads and writes what services and users keep: none leads out of what is theirs."""

from __future__ import annotations

import os

from pyaiot.options import ConfigurationError


def check_link(path: str) -> None:
    """Raise ConfigurationError where ``path`` leads root to another user's file than its folder's.

    Who can write in the folder of a state can put a link there, to what only root may read or replace.
    """
    real = os.path.realpath(path)
    folder = os.path.dirname(os.path.abspath(path))
    if os.geteuid() or real == os.path.join(os.path.realpath(folder), os.path.basename(path)):
        return
    owner = _owner(folder)
    if owner not in (None, 0, _owner(real if os.path.lexists(real) else os.path.dirname(real))):
        raise ConfigurationError(f"{path} is a link to {real}, which is another user's: root does not follow it")


def _owner(path: str) -> int | None:
    try:
        return os.stat(path).st_uid
    except OSError:
        return None
