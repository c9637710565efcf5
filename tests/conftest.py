# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures for all tests. A test that needs a program says ``@pytest.mark.needs("coap-client")``."""

from __future__ import annotations

import os
import shutil

import pytest

#: Debian installs servers where only root's PATH looks.
PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin"


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, loudly, what needs a missing program; on CI a missing program is a failure."""
    for mark in item.iter_markers("needs"):
        for program in mark.args:
            if shutil.which(program, path=PATH) is None:
                message = f"needs the program {program!r}, which is not installed (make test installs it as root)"
                if os.environ.get("CI") == "true":
                    pytest.fail(message, pytrace=False)
                pytest.skip(message)
