# SPDX-License-Identifier: BSD-3-Clause
"""What others made for Node.js and the tests need: ``package.json`` in this folder says what, and in which version."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def node_with(package: str) -> str:
    """Node.js, to run a script under tests/ that imports ``package``.

    Skips the test where one of them is missing, and fails it on CI.
    """
    node = shutil.which("node", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}")
    if node is not None and (HERE / "node_modules" / package).exists():
        return node
    missing = "Node.js" if node is None else f"{package} (npm ci --ignore-scripts in tests/)"
    message = f"needs {missing}, which is not installed; make test installs it"
    if os.environ.get("CI") == "true":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
