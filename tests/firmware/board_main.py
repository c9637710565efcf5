# SPDX-License-Identifier: BSD-3-Clause
"""Runs ``main.py`` as a board does after power-up, with a ``config.py`` made of the argument."""

import asyncio
import json
import sys

import bridge


class Config:
    """Stands in for the module config."""


options = json.loads(bridge.arguments[0])
sys.path.insert(0, "/doubles")
if options.pop("own_firmware", False):
    sys.modules["pycom"] = None
for name, value in options.items():
    setattr(Config, name, value)
sys.modules["config"] = Config


def power_up():
    import main  # noqa: F401


async def run():
    while True:
        await asyncio.sleep(60)


STEPS = [power_up, run]
