# SPDX-License-Identifier: BSD-3-Clause
"""``aiot backup``: keys, settings and state of this host in one file."""

from __future__ import annotations

import argparse
import os
import secrets
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from pyaiot import __version__
from pyaiot.backup import encryption, passphrase
from pyaiot.backup.archive import pack
from pyaiot.backup.collecting import collect
from pyaiot.backup.contents import Backup, BadBackup, Kept
from pyaiot.backup.layout import Layout, Place
from pyaiot.backup.places import additions, config_path, config_place, find_layout, find_places, written
from pyaiot.options import ConfigurationError, OneLineParser
from pyaiot.private_file import PrivateFile

DESCRIPTION = """\
Keys of broker and gateways, passwords and keys of devices, whose their ids
are, the services' options and what these name: as one file (a tar archive with
a manifest), which only you can read. Services may go on running."""

EPILOG = """\
before an update, or each night, to somewhere else:
  aiot backup /mnt/stick/pyaiot.backup --force \\
    --passphrase-file ~/.passphrase
on the new host:
  aiot restore /mnt/stick/pyaiot.backup"""

#: Something was to be in the backup and is not there.
EXIT_INCOMPLETE: Final = 1


class BackupFileError(ConfigurationError):
    """The backup cannot be written; one line that says what to do."""


FILE = PrivateFile("backup", "the backup", "aiot backup", BackupFileError)


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot backup",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "file", nargs="?", default="", metavar="FILE", help="where to; - is standard output (default: a new one here)"
    )
    parser.add_argument("--encrypt", action="store_true", help="ask for a passphrase, without which nobody reads it")
    parser.add_argument("--passphrase-file", default="", metavar="FILE", help="take the first line as passphrase")
    parser.add_argument("--force", action="store_true", help="replace FILE if it is there")
    add_layout(parser)
    return parser


def add_layout(parser: argparse.ArgumentParser) -> None:
    """What backup and restore have in common: whose services they are."""
    parser.add_argument("--config", default="", metavar="FILE", help="the services' config file (default: AIOT_CONFIG)")
    parser.add_argument(
        "--settings",
        default="",
        metavar="FOLDER",
        help="where keys and options are (default: /etc/pyaiot for root if it is there, else ~/.pyaiot)",
    )
    parser.add_argument(
        "--system",
        action="store_true",
        default=None,
        help="services of systemd, as aiot install-units starts them; without it only root's in /etc/pyaiot are",
    )


def run(arguments: Sequence[str]) -> int:
    """Write it, and say what is in it; the exit code. Raises ConfigurationError."""
    options = make_parser().parse_args(list(arguments))
    to_stdout = options.file == "-"
    if to_stdout and sys.stdout.isatty():
        raise ConfigurationError("a backup is not for terminals: name a file, or send it somewhere with >")
    layout = find_layout(options.settings, system=options.system)
    files, missing = collect(host_places(layout, options.config))
    if not files:
        raise ConfigurationError(f"nothing to keep was found in {layout.settings} (see aiot backup --help)")
    secret = encryption_wanted(options)
    now = time.gmtime()
    host = "".join(sign for sign in socket.gethostname() if sign.isprintable())[:64]
    try:
        raw = pack(Backup(__version__, host, time.strftime("%Y-%m-%dT%H:%M:%SZ", now), tuple(files)))
    except BadBackup as error:
        raise ConfigurationError(f"no backup can be made: {error}") from None
    if secret is not None:
        salt, nonce = secrets.token_bytes(encryption.SALT_BYTES), secrets.token_bytes(encryption.NONCE_BYTES)
        raw = encryption.encrypt(raw, secret, salt, nonce, encryption.LOG2_N)
    if to_stdout:
        sys.stdout.buffer.write(raw)
    else:
        name = options.file or f"pyaiot-{host}-{time.strftime('%Y%m%d-%H%M%S', now)}{ENDINGS[secret is not None]}"
        path = Path(name).expanduser()
        if path.exists() and not path.is_file():
            # By its name such as /dev/null would be replaced, which nobody means.
            raise ConfigurationError(f"{path} is no ordinary file: choose another name, or - for standard output")
        if path.exists() and not options.force:
            raise ConfigurationError(f"{path} is there already: choose another name, or say --force")
        FILE.write(path, raw)
        tell(path, files, len(raw), encrypted=secret is not None)
    for place in missing:
        print(f"aiot backup: not there, so not in it: {place.path} ({place.role})", file=sys.stderr)
    for each in additions(layout):
        print(f"aiot backup: not in it, nor what it names: {each} (systemctl edit); keep it yourself", file=sys.stderr)
    return EXIT_INCOMPLETE if missing else 0


#: Of a file in the clear, and of an encrypted one.
ENDINGS: Final = (".tar.gz", ".backup")


def host_places(layout: Layout, config: str) -> list[Place]:
    """Where this host has what belongs into a backup. Raises ConfigurationError."""
    environments = written(layout)
    path = config_path(layout, environments, config)
    return [*find_places(layout, environments, path), *([config_place(path)] if path else [])]


def encryption_wanted(options: argparse.Namespace) -> str | None:
    """The passphrase, if there is to be one. Raises ConfigurationError."""
    if options.encrypt or options.passphrase_file:
        return passphrase.ask(options.passphrase_file, twice=True)
    return None


def tell(path: Path, files: Sequence[Kept], size: int, *, encrypted: bool) -> None:
    """What was written where."""
    count = "1 file" if len(files) == 1 else f"{len(files)} files"
    print(f"{os.path.abspath(path)} written: {count}, {size:,} bytes")
    width = max(len(kept.role) for kept in files)
    for kept in files:
        print(f"  {kept.role:<{width}}  {kept.path}")
    if not encrypted:
        print("Whoever reads it has the keys of this host: keep it in a safe place, or say --encrypt.")
