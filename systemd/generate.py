# SPDX-License-Identifier: BSD-3-Clause
"""Writes the units of an installation in /usr/local here: ``python systemd/generate.py``."""

from __future__ import annotations

from pathlib import Path

from pyaiot.systemd.environment import environment_file
from pyaiot.systemd.units import USUAL, all_units

FOLDER = Path(__file__).parent


def render() -> dict[str, str]:
    """The text of each file here, by its name."""
    return {**all_units(USUAL), "environment": environment_file()}


if __name__ == "__main__":
    for name, text in render().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{FOLDER} written")
