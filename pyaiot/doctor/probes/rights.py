# SPDX-License-Identifier: BSD-3-Clause
"""Looking with the rights of who runs a service. A root that tells a file to others reads only what that user may."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rights:
    """Whose: user, group, and the other groups."""

    uid: int
    gid: int
    groups: tuple[int, ...] = ()


def read_rights(status: str) -> Rights | None:
    """Those that a process has, of its ``/proc/<pid>/status`` (proc(5)); None where that does not tell them."""
    found = {
        name: re.findall(r"[0-9]+", line) for name, _, line in (each.partition(":") for each in status.split("\n"))
    }
    uids, gids = found.get("Uid", ()), found.get("Gid", ())
    if len(uids) != 4 or len(gids) != 4:
        return None
    return Rights(int(uids[1]), int(gids[1]), tuple(map(int, found.get("Groups", ()))))


@contextlib.contextmanager
def acting_as(rights: Rights | None) -> Iterator[None]:
    """Inside this ``with`` files are opened by those rights; None, or who is not root: by one's own.

    They are the whole process's, so no thread may look at anything meanwhile, nor anything be imported.
    """
    if rights is None or rights.uid == 0 or os.geteuid() != 0:
        yield
        return
    gid, groups = os.getegid(), os.getgroups()
    os.setgroups(rights.groups)
    os.setegid(rights.gid)
    os.seteuid(rights.uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
