# SPDX-License-Identifier: BSD-3-Clause
"""The passphrase of a backup: the first line of a file, or what somebody types at a terminal."""

from __future__ import annotations

import getpass
import os
import sys

from pyaiot.backup.encryption import MIN_PASSPHRASE
from pyaiot.options import ConfigurationError

MAX_PASSPHRASE = 1024


def ask(path: str, *, twice: bool) -> str:
    """From the file at ``path``, or typed (``twice``, where it is a new one). Raises ConfigurationError."""
    if path:
        return _read(path)
    if not (sys.stdin and sys.stdin.isatty()):
        raise ConfigurationError("there is no terminal to type the passphrase at: say --passphrase-file FILE")
    try:
        typed = getpass.getpass("Passphrase of the backup: ")
        typed.encode()
        if twice:
            _check(typed)
            if getpass.getpass("The same again: ") != typed:
                raise ConfigurationError("these are two passphrases; nothing was written")
    except (EOFError, UnicodeError):
        raise ConfigurationError("no passphrase was given") from None
    return typed


def _read(path: str) -> str:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            line = file.readline(MAX_PASSPHRASE + 1).rstrip("\r\n")
    except OSError as error:
        raise ConfigurationError(f"--passphrase-file: {path} cannot be read: {error.strerror}") from None
    except UnicodeError:
        raise ConfigurationError(f"--passphrase-file: {path} is not text") from None
    _check(line)
    return line


def _check(passphrase: str) -> None:
    if not MIN_PASSPHRASE <= len(passphrase) <= MAX_PASSPHRASE:
        raise ConfigurationError(f"a passphrase has {MIN_PASSPHRASE} to {MAX_PASSPHRASE:,} characters")
