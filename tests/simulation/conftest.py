# SPDX-License-Identifier: BSD-3-Clause
"""The simulated device is tested against the real adapter."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "gateway" / "coap"))
