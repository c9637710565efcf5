# SPDX-License-Identifier: BSD-3-Clause
"""docs/commands.md, as text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from manual.commands import Command, Option

HEAD: Final = """\
# Commands

<!-- Written by docs/generate_options.py from the commands' parsers: change it there. -->

The verbs of `aiot`, what makes keys, and devices without hardware. The services, `aiot up` too, are in
[Options](options.md). Each command says all of this with `--help`, and has a man page: `man aiot-ls` (in a checkout
`man man/aiot-ls.1`).
"""
COMMON: Final = """\
## All verbs that talk to a broker

They look for it at `AIOT_BROKER`, or else where the services do.

"""
SIMULATORS: Final = """\
## Devices without hardware

Programs of the sources, to try a gateway with; in a checkout `.venv/bin/python utils/…`.
"""
#: A verb that has this option talks to a broker.
_TALKS: Final = "--broker"
#: What Markdown would take for its own.
_MARKS: Final = re.compile(r"[*_<`]")


def commands_page(verbs: Mapping[str, Command], simulators: Mapping[str, Command]) -> str:
    """The page."""
    talking = [each for each in verbs.values() if _has(each, _TALKS)]
    shared = [
        option for option in talking[0].parts[0].options if all(option in each.parts[0].options for each in talking)
    ]
    parts = [HEAD, COMMON + _table(shared) + _exits(talking[0])]
    for name, command in verbs.items():
        parts.append(_section(f"## `{name}`", command, shared if command in talking else ()))
    parts.append(SIMULATORS)
    for name, command in simulators.items():
        parts.append(_section(f"### `{name}`", command, ()))
    return "\n".join(parts)


def _section(heading: str, command: Command, shared: Iterable[Option]) -> str:
    known = list(shared)
    text = [heading, *command.description, f"```\n{_short(command, known)}\n```"]
    if known:
        text.append("With [the options of all such verbs](#all-verbs-that-talk-to-a-broker), and:")
    for part in command.parts:
        options = [option for option in part.options if option not in known]
        if part.name:
            text.append(f"`{part.name}`: {part.about}")
        if table := _table(options):
            text.append(table.rstrip("\n"))
        elif known and not part.name:
            text[-1] = "With [the options of all such verbs](#all-verbs-that-talk-to-a-broker)."
    if command.examples and command.has_only_notes:
        text.append(_MARKS.sub(r"\\\g<0>", command.examples))
    elif command.examples:
        text.append(f"```text\n{command.examples}\n```")
    if command.exits and not known:
        text.append(_exits(command).strip())
    return "\n\n".join(text) + "\n"


def _short(command: Command, known: list[Option]) -> str:
    """The synopsis, without what all such verbs have."""
    text = command.synopsis
    for option in known:
        text = text.replace(f" [{' '.join(filter(None, (option.spelled[-1], option.values)))}]", "")
    return text


def _has(command: Command, name: str) -> bool:
    return any(name in option.spelled for option in command.parts[0].options)


def _exits(command: Command) -> str:
    return "\nExit codes: " + ", ".join(f"{code} {words}" for code, words in command.exits) + ".\n"


def _table(options: Iterable[Option]) -> str:
    rows = ["| option | what it is |", "| --- | --- |"]
    for option in options:
        if not option.help:
            continue  # its name in the synopsis says it
        spelled = ", ".join(f"`{name}`" for name in option.spelled[:-1])
        last = f"`{' '.join(filter(None, (option.spelled[-1], option.values)))}`"
        cells = (f"{spelled}, {last}" if spelled else last, _MARKS.sub(r"\\\g<0>", option.help))
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows) + "\n" if len(rows) > 2 else ""
