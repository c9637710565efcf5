# SPDX-License-Identifier: BSD-3-Clause
"""What gateways keep of devices: passwords, owners, keys of tokens; and where services write."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from pyaiot import devices
from pyaiot.doctor.checks.configuration import fix_of
from pyaiot.doctor.checks.files import check_private
from pyaiot.doctor.findings import Finding
from pyaiot.doctor.probes.files import fault_of, look_at
from pyaiot.doctor.subjects import Subject
from pyaiot.gateway.device_tokens import owner_file
from pyaiot.gateway.device_tokens.token_keys import TokenKeys

#: Options that name files which services take whatever their mode is.
_SECRETS: Final = (
    ("mqtt_password_file", "the password at the MQTT broker"),
    ("mqtt_cert_key", "the private key for the MQTT broker"),
    ("tls_key", "the private key of the certificate"),
)


def examine(subject: Subject, uid: int | None) -> Iterator[Finding]:
    """The files that the settings of ``subject`` name; ``uid``: who runs it, None where that is not known."""
    settings = subject.settings
    kinds: tuple[tuple[str, str, str, Callable[[str], object]], ...] = (
        ("device_file", "device file", "devices.file", devices.load),
        ("device_owners", "owners file", "devices.owners", owner_file.load),
    )
    for name, what, check, load in kinds:
        path = str(getattr(settings, name, ""))
        if not path:
            continue
        facts = look_at(path, uid)
        found = list(check_private(facts, check, what, "aiot device add ID", needed=False, by=subject.name))
        yield from found
        if facts.exists and not facts.error and not found and (fault := fault_of(partial(load, path))):
            yield _unreadable(subject, f"{check}.content", fault)
    folder = str(getattr(settings, "device_keys", ""))
    if folder and os.path.isdir(folder) and not os.access(folder, os.R_OK | os.X_OK):
        summary = f"the folder {folder} cannot be looked at: sudo aiot doctor can"
        yield Finding(check="devices.keys", level="note", service=subject.name, summary=summary)
    elif folder and os.path.isdir(folder) and (fault := fault_of(lambda: TokenKeys(folder).load())):
        yield _unreadable(subject, "devices.keys", fault)
    for name, what in _SECRETS:
        path = str(getattr(settings, name, ""))
        if path and os.path.isfile(path) and os.stat(path).st_mode & 0o007:
            yield Finding(
                check="secrets.mode",
                level="warning",
                service=subject.name,
                summary=f"others can read {what} in {path}",
                fix=f"chmod o= {shlex.quote(path)}",
                facts={"path": path},
            )


def has_token_keys(subject: Subject) -> bool:
    """Whether devices log in to it with tokens, which end at a time."""
    try:
        return any(
            name.endswith(".pem")
            for name in os.listdir(str(getattr(subject.settings, "device_keys", "") or "/dev/null"))
        )
    except OSError:
        return False


def written(subject: Subject) -> Iterator[tuple[str, str]]:
    """Paths that the service uses, each with what it writes there; that is empty where it only reads."""
    settings = subject.settings
    if set(subject.roles) - {"dashboard", "mqtt-broker"}:
        makes = subject.name == "aiot up" and not os.path.exists(settings.key_file)
        yield settings.key_file, "the key file" if makes else ""
    if owners := str(getattr(settings, "device_owners", "")):
        yield owners, "the owners file"
    if settings.log_file_prefix:
        yield settings.log_file_prefix, "the log"


def _unreadable(subject: Subject, check: str, fault: str) -> Finding:
    return Finding(check=check, level="problem", service=subject.name, summary=fault, fix=fix_of(fault))
