# SPDX-License-Identifier: BSD-3-Clause
"""Files of this host: who may read them, and what the key file holds. Nothing secret leaves it but ``Keys``."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from pyaiot import keys
from pyaiot.doctor.checks.files import FileFacts
from pyaiot.doctor.checks.key_file import KeyFacts
from pyaiot.key_files import own_files
from pyaiot.keys import KeyFileError, Keys
from pyaiot.options import ConfigurationError
from pyaiot.private_file import MAX_FILE_BYTES, open_at_once

#: Where systemd puts the credentials of a service.
CREDENTIALS = "/run/credentials/"


def look_at(path: str, wanted_uid: int | None) -> FileFacts:
    """What there is at ``path`` (absolute), without opening it."""
    real = os.path.realpath(path)
    folder = os.path.dirname(real)
    try:
        folder_mode = os.stat(folder).st_mode
    except OSError:
        folder_mode = None
    credential = path.startswith(CREDENTIALS)
    try:
        status = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return FileFacts(path=path, folder=folder, exists=False, folder_mode=folder_mode, credential=credential)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return FileFacts(path=path, folder=folder, exists=False, error=reason, credential=credential)
    return FileFacts(
        path=path,
        folder=folder,
        exists=True,
        error="" if os.access(path, os.R_OK) else "Permission denied",
        regular=stat.S_ISREG(status.st_mode),
        mode=stat.S_IMODE(status.st_mode),
        uid=status.st_uid,
        folder_mode=folder_mode,
        wanted_uid=wanted_uid,
        credential=credential,
    )


def look_at_keys(path: str, command: str, wanted_uid: int | None) -> tuple[KeyFacts, Keys | None]:
    """The key file at ``path``, and what is in it, also where services refuse it for its mode."""
    facts = look_at(path, wanted_uid)
    if not facts.exists or facts.error or not facts.regular:
        return KeyFacts(file=facts, command=command), None
    try:
        found = keys.parse(_read(path))
    except KeyFileError as error:
        return KeyFacts(file=facts, command=command, fault=f"the key file {path}: {error}"), None
    except OSError as error:
        return KeyFacts(file=facts, command=command, fault=f"the key file {path}: {error.strerror}"), None
    return (
        KeyFacts(
            file=facts,
            command=command,
            broker=None if found.broker is None else str(found.broker.public),
            trusted=None if found.trusted_broker is None else str(found.trusted_broker),
            gateways={name: str(key.public) for name, key in found.gateways.items()},
            authorized={name: str(key) for name, key in found.authorized.items()},
            clients=len(found.clients),
            apart=bool(own_files(Path(path))),
        ),
        found,
    )


def is_stale(copy: str, original: str) -> bool:
    """Whether a service has another text of a file than there is now; not where we may not see both."""
    try:
        return _read(copy) != _read(original)
    except (OSError, KeyFileError):
        return False


def fault_of(load: Callable[[], object]) -> str:
    """Why ``load`` cannot use a file; empty: it can."""
    try:
        load()
    except ConfigurationError as error:
        return str(error)
    return ""


def existing_folder(path: str) -> str:
    """The folder that ``path`` is or would be in: the nearest one that is there."""
    folder = os.path.abspath(path)
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    return folder


def _read(path: str) -> str:
    with open(path, "rb", opener=open_at_once) as file:
        raw = file.read(MAX_FILE_BYTES + 1)
    if len(raw) > MAX_FILE_BYTES:
        raise KeyFileError("it is too large")
    try:
        return raw.decode()
    except UnicodeError:
        raise KeyFileError("it is not text") from None
