# SPDX-License-Identifier: BSD-3-Clause
"""The units' environment file and the config file as text: what they set, and how they name files that moved. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

#: As systemd reads one: space around the name is none of it.
_ASSIGNMENT = re.compile(r"[ \t]*([A-Za-z_][A-Za-z0-9_]*)[ \t]*=(.*)", re.ASCII)
#: A backup names no other variables for services: one such as LD_PRELOAD would have them run whatever it says.
_TAKEN = re.compile(r"AIOT_[A-Z0-9_]+|TZ|LANG|LC_[A-Z]+", re.ASCII)
_TOML_TEXT = re.compile(r"""([ \t]*([A-Za-z0-9_-]+)[ \t]*=[ \t]*)("[^"\n]*"|'[^'\n]*')([ \t]*(?:#.*)?)""", re.ASCII)
LEFT_OUT: Final = "# left out by aiot restore: "


def assignments(text: str) -> dict[str, str]:
    """What an environment file sets (systemd.exec(5), ``EnvironmentFile``)."""
    found = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        if match:
            value = match[2].strip()
            quoted = len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'"
            found[match[1]] = value[1:-1] if quoted else value
    return found


def adapt_environment(
    text: str, moved: Mapping[str, str | None], absolute: Callable[[str], str], here: Mapping[str, str]
) -> tuple[str, list[str]]:
    """``text`` with what names files that ``moved``, and without what is no service's option, if it is not so ``here``.

    ``moved``: the new path by option, None where the unit itself names it now; ``absolute`` makes such paths of those
    in the text. Also: the variables left out.
    """
    values = assignments(text)
    lines, left_out = [], []
    for line in text.splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        name = match[1] if match else ""
        option = name.removeprefix("AIOT_").lower() if name.startswith("AIOT_") else ""
        if line.endswith("\\") and not line.lstrip().startswith(("#", ";")):
            line, name = f"{LEFT_OUT}{line[:-1]}", name or "a continued line"
            left_out.append(name)
        elif match and _TAKEN.fullmatch(name) is None and here.get(name) != values[name]:
            line = f"{LEFT_OUT}{line}"
            left_out.append(name)
        elif option in moved:
            path = moved[option]
            if path is None:
                line = f"{LEFT_OUT}{line}"
            elif values[name] and absolute(values[name]) != path:
                line = f"{name}={_quoted(path)}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines), left_out


def adapt_config(text: str, moved: Mapping[str, str | None], absolute: Callable[[str], str]) -> str:
    """``text`` (TOML, plain lines as pyaiot's options have them) with what names files that ``moved``, likewise."""
    lines = []
    for line in text.splitlines():
        match = _TOML_TEXT.fullmatch(line)
        option = match[2].replace("-", "_") if match else ""
        if match and option in moved:
            path = moved[option]
            if path is None:
                line = f"{LEFT_OUT}{line}"
            elif match[3][1:-1] and absolute(match[3][1:-1]) != path:
                line = f"{match[1]}{_quoted(path)}{match[4]}"
        lines.append(line)
    return "".join(f"{line}\n" for line in lines)


def _quoted(path: str) -> str:
    """A path as TOML and systemd take it."""
    escaped = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
