# SPDX-License-Identifier: BSD-3-Clause
"""What is answered to ``GET /health``, at whatever port of a service."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

from pyaiot import __version__
from pyaiot.monitoring.health import Health, document


def answer(health: Health, program: str) -> tuple[int, bytes]:
    """Status and body (JSON) of what the service ``program`` says; a trouble began ``for_s`` before now."""
    began = datetime.fromtimestamp(time.time() - health.for_s, UTC)
    since = began.isoformat(timespec="seconds").replace("+00:00", "Z")
    told = document(health, service=program, version=__version__, since=since)
    return (503 if health.trouble else 200), json.dumps(told).encode() + b"\n"
