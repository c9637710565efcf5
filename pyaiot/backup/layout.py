# SPDX-License-Identifier: BSD-3-Clause
"""How a host keeps what its services need: all in a folder of one user, or as systemd's units have it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pyaiot.options import Keeps

SYSTEM_SETTINGS: Final = "/etc/pyaiot"
SYSTEM_UNITS: Final = "/etc/systemd/system"
USER_SETTINGS: Final = "~/.pyaiot"
#: Where systemd keeps the state of services that have no fixed user (``DynamicUser``, systemd.exec(5)).
SYSTEM_STATE: Final = "/var/lib/private"
#: The file of each option that has one by default, in the folder of settings.
_USUAL: Final = {"key_file": "keys", "device_file": "devices", "device_keys": "device-keys"}
_OWNERS: Final = "device-owners"


@dataclass(frozen=True)
class Layout:
    """``settings``: folder of the keys; ``state``: folder of the units' state, empty where all runs as one user.

    ``home``: of the user; ``shell``: variables that services are started with, besides those of the environment files.
    """

    settings: str
    home: str
    state: str = ""
    shell: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_system(self) -> bool:
        """Each service has a user of its own."""
        return bool(self.state)

    @property
    def device_token_key(self) -> str:
        """What signs devices' tokens: it is of who asks for them."""
        return f"{self.home}/.pyaiot/device-token.key" if self.is_system else f"{self.settings}/device-token.key"

    def usual(self, service: str) -> dict[str, str]:
        """By option, the files that a service has where nobody said otherwise."""
        owners = f"{self.state}/{service}/{_OWNERS}" if self.is_system else f"{self.settings}/{_OWNERS}"
        return {"device_owners": owners, **{name: f"{self.settings}/{file}" for name, file in _USUAL.items()}}


@dataclass(frozen=True)
class Place:
    """A file, or a folder of ``*.pem`` files, that ``services`` look for at ``path``; ``chosen``: somebody said so."""

    role: str
    keeps: Keeps
    services: tuple[str, ...]
    path: str
    is_folder: bool = False
    chosen: bool = False
