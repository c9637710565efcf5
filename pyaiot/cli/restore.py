# SPDX-License-Identifier: BSD-3-Clause
"""``aiot restore``: what a backup holds, put where this host has it."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from pyaiot.backup import encryption, passphrase
from pyaiot.backup.archive import MAX_PACKED_BYTES, unpack
from pyaiot.backup.contents import Backup, BadBackup
from pyaiot.backup.layout import Layout
from pyaiot.backup.places import absolute, config_path, config_place, find_layout, find_places, written
from pyaiot.backup.plan import Plan, Step, make_plan
from pyaiot.backup.restoring import Restoration, State, beside, look
from pyaiot.backup.settings_text import assignments
from pyaiot.cli.backup import add_layout
from pyaiot.options import ConfigurationError, OneLineParser

DESCRIPTION = """\
Puts what a backup holds where this host has such files, and changes nothing
before all of it was checked. A file that is there and differs is only replaced
with --force, and then kept beside. Stop the services before."""

EPILOG = """\
what is in it:
  aiot restore pyaiot.backup --list
of a user's ~/.pyaiot, for services of systemd:
  sudo aiot install-units && sudo aiot restore pyaiot.backup"""

WORDS: dict[State, str] = {"new": "restored", "same": "is the same", "differs": "replaced"}


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(
        prog="aiot restore",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="what aiot backup wrote; - is standard input")
    parser.add_argument("--list", action="store_true", help="only show what is in it, and change nothing")
    parser.add_argument("--force", action="store_true", help="replace what differs, and keep it beside")
    parser.add_argument("--passphrase-file", default="", metavar="FILE", help="take the first line as passphrase")
    add_layout(parser)
    return parser


def run(arguments: Sequence[str]) -> int:
    """Restore, and say what was done. Raises ConfigurationError."""
    options = make_parser().parse_args(list(arguments))
    raw = _read(options.file)
    try:
        if encryption.is_encrypted(raw):
            raw = encryption.decrypt(raw, passphrase.ask(options.passphrase_file, twice=False))
        elif options.passphrase_file:
            # Who counts on a passphrase is not given what somebody else may have put in the file's place.
            raise ConfigurationError(
                f"{options.file} is not encrypted, so others may have made it: without --passphrase-file it is restored"
            )
        backup = unpack(raw)
        if options.list:
            _show(backup)
            return 0
        layout = find_layout(options.settings, system=options.system)
        plan = _plan(backup, layout, options.config)
    except BadBackup as error:
        raise ConfigurationError(f"{options.file} cannot be restored: {error}; nothing was changed") from None
    states = {step.path: look(step) for step in plan.steps}
    differing = frozenset(path for path, state in states.items() if state == "differs")
    if differing and not options.force:
        _refuse(sorted(differing))
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    to_write = [step for step in plan.steps if states[step.path] != "same"]
    public = os.path.realpath(layout.settings) if layout.is_system else ""
    Restoration(stamp).carry_out(to_write, differing=differing, public=public)
    _tell(backup, plan, states, stamp)
    return 0


def _plan(backup: Backup, layout: Layout, config: str) -> Plan:
    """Where this host's settings say that the files are; but what is itself restored says nothing beforehand."""
    environments = dict(written(layout))
    path = config_path(layout, environments, config)
    for kept in backup.files:
        if kept.role in environments:
            theirs, ours = assignments(kept.content.decode("utf-8", "replace")), environments[kept.role]
            environments[kept.role] = {name: value for name, value in ours.items() if theirs.get(name) == value}
    theirs_config = [kept.content for kept in backup.files if kept.role == "config"]
    counts = path if not theirs_config or _content(path) in theirs_config else ""
    places = find_places(layout, environments, counts, lenient=True)
    if path:
        places.append(config_place(path))
    return make_plan(backup.files, places, layout, environments, lambda text: absolute(text, layout) if text else "")


def _content(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except OSError:
        return None


def _read(name: str) -> bytes:
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(MAX_PACKED_BYTES + 1)
        else:
            with open(os.path.expanduser(name), "rb") as file:
                raw = file.read(MAX_PACKED_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{name} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError(f"{name!r}: no file can have that name") from None
    if len(raw) > MAX_PACKED_BYTES:
        raise ConfigurationError(f"{name} is too large for a backup")
    return raw


def _show(backup: Backup) -> None:
    print(f"Of {backup.host}, {backup.taken_at}, pyaiot {backup.version}:")
    width = max((len(kept.role) for kept in backup.files), default=0)
    for kept in backup.files:
        print(f"  {kept.role:<{width}}  {len(kept.content):>9,} bytes  {kept.mode:04o}  {kept.path}")


def _refuse(paths: Sequence[str]) -> None:
    named = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
    raise ConfigurationError(
        f"nothing was changed, as other content is there already: {named}; --force replaces it and keeps it beside"
    )


def _tell(backup: Backup, plan: Plan, states: dict[str, State], stamp: str) -> None:
    print(f"Backup of {backup.host}, {backup.taken_at}:")
    steps: Sequence[Step] = plan.steps
    for step in steps:
        state = states[step.path]
        kept = f" (before: {os.path.basename(beside(step.path, stamp))})" if state == "differs" else ""
        print(f"  {WORDS[state]:<11}  {step.path}{kept}")
    for note in plan.notes:
        print(f"Note: {note}")
    if any(state != "same" for state in states.values()):
        print("Start the services again, so that they read it.")
