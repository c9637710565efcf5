# SPDX-License-Identifier: BSD-3-Clause
"""How an adapter counts the writes and reads that it is asked for: those tried, and those that failed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from pyaiot.gateway.adapter import WriteFailed


class CountsWrites(Protocol):
    """Counters of an adapter."""

    writes: int
    writes_failed: int


class CountsReads(Protocol):
    """Counters of an adapter that can read."""

    reads: int
    reads_failed: int


@contextmanager
def counting_write(counters: CountsWrites) -> Iterator[None]:
    """Around one write: it is tried, and has failed where it raises WriteFailed (not where it is cancelled)."""
    counters.writes += 1
    try:
        yield
    except WriteFailed:
        counters.writes_failed += 1
        raise


@contextmanager
def counting_read(counters: CountsReads) -> Iterator[None]:
    """Around one read, likewise."""
    counters.reads += 1
    try:
        yield
    except WriteFailed:
        counters.reads_failed += 1
        raise
