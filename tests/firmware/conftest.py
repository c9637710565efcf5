# SPDX-License-Identifier: BSD-3-Clause
"""The firmware library on CPython, where tests want it: with stand-ins for what only MicroPython has."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from tests.firmware.board import FIRMWARE, HERE

#: What is imported with the library, and by nothing else.
FOR_THE_LIBRARY = ("aiot", "boards", "expectations", "micropython", "machine", "network")


def ticks_diff(end: int, start: int) -> int:
    """As on boards, whose ticks wrap at 2^30."""
    return (end - start + (1 << 29)) % (1 << 30) - (1 << 29)


@pytest.fixture(scope="module")
def library() -> Iterator[None]:
    """``import aiot`` works, and so do the checks in ``pure/``; nothing of it stays."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "ticks_ms", lambda: time.monotonic_ns() // 1_000_000 % (1 << 30), raising=False)
        patch.setattr(time, "ticks_diff", ticks_diff, raising=False)
        for folder in (FIRMWARE, HERE / "doubles", HERE / "pure"):
            patch.syspath_prepend(folder)
        yield
    for name in set(sys.modules) - before:
        if name.split(".")[0] in FOR_THE_LIBRARY or name.startswith("check_"):
            del sys.modules[name]
