# SPDX-License-Identifier: BSD-3-Clause
"""What to say to whoever changes keys or passwords on a host where systemd starts the services.

Those go by copies made when they start (``LoadCredential``) of files in a folder of their own, not of one's home.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyaiot.cli.install_units import SYSTEM_SETTINGS


def tell_after_change(path: Path, restart: str) -> None:
    """Say on standard error what is still to be done once ``path`` was changed, if services of systemd read its like.

    ``path`` ends as the file does that units name: ``keys`` or ``devices``. ``restart``: the unit to start again.
    """
    theirs = SYSTEM_SETTINGS / path.name
    if not theirs.exists():
        return
    if os.path.realpath(path) == os.path.realpath(theirs):
        print(f"Services that systemd has started go by a copy until: systemctl restart {restart}", file=sys.stderr)
    elif os.geteuid() == 0:
        print(f"{path} was changed; services that systemd starts read another: {theirs}", file=sys.stderr)
