# SPDX-License-Identifier: BSD-3-Clause
"""What to say to whoever changes keys or passwords on a host where systemd starts the services.

Those go by copies made when they start (``LoadCredential``) of files in a folder of their own, not of one's home.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pyaiot.cli.install_units import SYSTEM_SETTINGS
from pyaiot.key_files import own_files


def tell_after_change(path: Path, restart: str) -> None:
    """Say on standard error what is still to be done once ``path`` was changed, if services of systemd read its like.

    ``path`` ends as the file does that units name: ``keys`` or ``devices``. ``restart``: the unit to start again.
    """
    theirs = SYSTEM_SETTINGS / path.name
    if any(os.path.realpath(path) == os.path.realpath(each) for each in own_files(theirs).values()):
        restart = path.parent.name
    elif not theirs.exists():
        return
    elif os.path.realpath(path) != os.path.realpath(theirs):
        if os.geteuid() == 0:
            print(f"{path} was changed; services that systemd starts read another: {theirs}", file=sys.stderr)
        return
    print(f"Services that systemd has started go by a copy until: systemctl restart {restart}", file=sys.stderr)
