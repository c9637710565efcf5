# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for all tests. A test that needs a program says ``@pytest.mark.needs("coap-client")``."""

from __future__ import annotations

import faulthandler
import logging
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from functools import cache
from types import ModuleType

import pytest
from hypothesis import HealthCheck, settings

#: Debian installs servers where only root's PATH looks.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"
#: No test takes so long; one that does hangs, and ends with its process and a traceback, not with the night.
HANGS_S = 600.0

# How long an example takes says more of the machine than of us. On CI hypothesis has settings of its own, which stay.
settings.register_profile("unhurried", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")

#: Where the process says something when no test captures it.
STDERR = pytest.StashKey[int]()


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is captured yet."""
    config.stash[STDERR] = os.dup(2)
    # What a shell runs in the background ignores Ctrl-C, and so would all that tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@cache
def has_ipv6() -> bool:
    """Whether this machine has IPv6, if only on loopback."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, loudly, what needs a missing program; on CI a missing program is a failure."""
    if item.get_closest_marker("needs_ipv6") and not has_ipv6():
        pytest.skip("needs IPv6, of which this machine has not even ::1")
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=PATH) is None:
                message = f"needs the program {program!r}, which is not installed (make test installs it as root)"
                if os.environ.get("CI") == "true":
                    pytest.fail(message, pytrace=False)
                pytest.skip(message)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that hangs is told of by where it hangs; xdist then goes on with another process."""
    if item.config.getoption("usepdb"):
        return (yield)
    faulthandler.dump_traceback_later(HANGS_S, exit=True, file=item.config.stash[STDERR])
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def logging_restored() -> Iterator[ModuleType]:
    """What a test configures ends with it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield logging
    for handler in root.handlers:
        if handler not in before:
            handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    logging.captureWarnings(False)
