# SPDX-License-Identifier: BSD-3-Clause
"""Reads a settings dataclass from a TOML file, the environment and the command line, and checks every value.

``option`` declares a field; ``load`` fills the dataclass. A mistake is a ConfigurationError: one line that names
where the value came from and says what to do.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import Field, field, fields
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

S = TypeVar("S")
Kind = Literal["text", "port", "port?"]
#: What an option that names a file names: nothing to keep; what only its owner may read; what a service learns and
#: writes; what somebody wrote or chose. ``aiot backup`` goes by it.
Keeps = Literal["", "secret", "state", "chosen"]

#: Of the lines of --help, however wide the terminal is.
MAX_HELP_WIDTH = 100
_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))


class ConfigurationError(Exception):
    """What the user set does not do as things are; ``str()`` is one line that says what to do.

    A command ends with exit code 78 (EX_CONFIG). So does a service where it is an OptionError; else it is worth trying
    again, and the exit code says so (75, EX_TEMPFAIL): a port is taken, a file is not there yet, the clock is wrong.
    """


class OptionError(ConfigurationError):
    """An option itself is wrong, whatever else there is on the host: only who sets it can mend that."""


def option(
    default: Any,
    help: str,
    *,
    kind: Kind = "text",
    low: int | None = None,
    high: int | None = None,
    choices: tuple[str, ...] | None = None,
    metavar: str | None = None,
    keeps: Keeps = "",
    instead_of: tuple[str, ...] = (),
) -> Any:
    """A dataclass field that is an option; its type (str, int, bool) is that of ``default``.

    ``kind``: ``port`` is a number from 0 to 65535 (0 asks for a free one), ``port?`` the same as text, or empty.
    ``keeps``: the file (or folder) that it names belongs into a backup, and what it is. ``instead_of``: options that do
    not count beside it; but where one of them is on the command line, this counts only if it is there, too.
    """
    if kind != "text":
        metavar, low, high = "PORT", 0, 65_535
    return field(
        default=default,
        metadata={
            "help": help,
            "kind": kind,
            "low": low,
            "high": high,
            "choices": choices,
            "metavar": metavar,
            "keeps": keeps,
            "instead_of": instead_of,
        },
    )


def load(
    settings: type[S],
    *,
    program: str,
    description: str,
    arguments: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    known: Sequence[type] = (),
) -> S:
    """The settings that file, environment and ``arguments`` (without the program's name) make together.

    ``known``: all settings classes that share the file, so that a key of another service is no mistake.
    Raises ConfigurationError; ``--help`` prints and raises SystemExit(0).
    """
    options = {each.name: each for each in fields(settings)}  # type: ignore[arg-type]
    flags = _parse_flags(make_parser(settings, program, description), arguments)
    from_environment = {
        name: (f"AIOT_{name.upper()}", environment[f"AIOT_{name.upper()}"])
        for name in options
        if environment.get(f"AIOT_{name.upper()}")
    }
    _, path = flags.get("config") or from_environment.get("config") or ("", "")
    file = _read_file(path, {each.name for one in (settings, *known) for each in fields(one)}) if path else {}
    values = {
        name: _check(options[name], *given)
        for source in (file, from_environment, flags)
        for name, given in source.items()
        if name in options and not _is_replaced(options[name], flags)
    }
    return settings(**values)


def _is_replaced(each: Field[Any], flags: Mapping[str, tuple[str, Any]]) -> bool:
    """Whether flags say otherwise what the option says elsewhere. Raises ConfigurationError: it says both."""
    others = [flags[other][0] for other in each.metadata["instead_of"] if other in flags]
    if others and each.name in flags:
        raise OptionError(f"{flags[each.name][0]} stands for {others[0]}, too: say one of them")
    return bool(others)


class OneLineParser(argparse.ArgumentParser):
    """A parser whose complaint is an OptionError instead of a page of usage and exit code 2."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see {self.prog} --help)")


def _as_wide_as_the_terminal(prog: str) -> argparse.HelpFormatter:
    """Longer lines than a hundred characters are hard to read."""
    width = min(MAX_HELP_WIDTH, shutil.get_terminal_size().columns - 2)
    return argparse.HelpFormatter(prog, max_help_position=32, width=width)


def make_parser(settings: type, program: str, description: str) -> argparse.ArgumentParser:
    """What the command line of a service may say: each option as a flag."""
    parser = OneLineParser(
        prog=program,
        description=description,
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        formatter_class=_as_wide_as_the_terminal,
        epilog="Every option can also stand in the config file (broker_port = 8000) "
        "or in the environment (AIOT_BROKER_PORT=8000); flags win.",
    )
    for each in fields(settings):
        meta = each.metadata
        switch = isinstance(each.default, bool)
        default = "" if each.default in ("", False) else f" (default: {'yes' if switch else each.default})"
        choices = f": {', '.join(meta['choices'])}" if meta["choices"] else ""
        parser.add_argument(
            f"--{each.name.replace('_', '-')}",
            help=(meta["help"] + choices + default).replace("%", "%%"),
            **({"nargs": "?", "const": "true", "metavar": "yes|no"} if switch else {"metavar": meta["metavar"]}),
        )
    return parser


def _parse_flags(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> dict[str, tuple[str, Any]]:
    """The flags that were given, as ``name: (what to call it, text)``; underscores may stand for dashes."""
    spelled = [
        (head.replace("_", "-") + eq + tail) if head.startswith("--") else head + eq + tail
        for head, eq, tail in (argument.partition("=") for argument in arguments)
    ]
    given = vars(parser.parse_args(spelled))
    return {name: (f"--{name.replace('_', '-')}", text) for name, text in given.items()}


def _read_file(path: str, known: set[str]) -> dict[str, tuple[str, Any]]:
    try:
        raw = Path(os.path.expanduser(path)).read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"Config file not found: {path}") from None
    except OSError as error:
        raise ConfigurationError(f"Config file {path} cannot be read: {error.strerror}") from None
    except ValueError:
        raise OptionError(f"Config file {path!r}: no file can have that name") from None
    return parse_file(raw, path, known)


def parse_file(raw: bytes, path: str, known: set[str]) -> dict[str, tuple[str, Any]]:
    """What a config file sets, as ``name: (what to call it, value)``; raises ConfigurationError.

    The file is TOML: data, never run. The values are checked by ``load``, for the options of its service.
    """
    try:
        document = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:  # TOMLDecodeError and UnicodeError are ValueErrors
        hint = ' (TOML wants quotes around text: broker_host = "localhost")' if "Invalid value" in str(error) else ""
        raise OptionError(f"Invalid config file: {path}: {_one_line(error)}{hint}") from None
    given: dict[str, tuple[str, Any]] = {}
    for key, value in document.items():
        if isinstance(value, dict):
            raise OptionError(f"{path}: [{_shown(key)[1:-1]}] is a section, and there are none: only options")
        name = key.replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            advice = f"; did you mean {near[0]}?" if near else ""
            raise OptionError(f"{path}: no service has an option {key!r}{advice}")
        if name in given:
            raise OptionError(f"{path}: {key} is there twice, with - and with _")
        given[name] = (f"{path}: {key}", value)
    return given


def _check(each: Field[Any], source: str, value: Any) -> Any:
    """``value`` (text, or what TOML gave) as the option's type; raises ConfigurationError."""
    if isinstance(value, int) and abs(value) >= 2**63:
        raise OptionError(f"{source}: that number is too large")
    if isinstance(each.default, bool):
        return _check_switch(source, value)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise OptionError(f"{source}: {_shown(value)} is not a number or a text")
    if isinstance(each.default, int) or each.metadata["kind"] == "port?":
        if value == "" and each.metadata["kind"] == "port?":
            return ""
        number = _check_number(source, value, each.metadata["low"], each.metadata["high"])
        return number if isinstance(each.default, int) else str(number)
    text = str(value)
    choices = each.metadata["choices"]
    if choices and text not in choices:
        raise OptionError(f"{source}: {_shown(text)} is none of {', '.join(choices)}")
    if not text.isprintable():
        raise OptionError(f"{source}: control characters are not allowed")
    return text


def _check_switch(source: str, value: Any) -> bool:
    text = str(value).lower() if isinstance(value, str | int) else ""
    if text not in _TRUE and text not in _FALSE:
        raise OptionError(f"{source}: {_shown(value)} is neither yes nor no")
    return text in _TRUE


def _check_number(source: str, value: str | int, low: int | None, high: int | None) -> int:
    if isinstance(value, str):
        if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value) is None:
            raise OptionError(f"{source}: {_shown(value)} is not a number")
        value = int(value)
    if (low is not None and value < low) or (high is not None and value > high):
        span = f"from {low} to {high}" if high is not None else f"of at least {low}"
        raise OptionError(f"{source}: {_shown(value)} is not a number {span}")
    return value


def _shown(value: Any) -> str:
    """``value`` as a mistake's message shows it: quoted, and not at any length."""
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        return "what stands there"
    return text if len(text) <= 80 else f"{text[:80]}…"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
