# SPDX-License-Identifier: BSD-3-Clause
"""Every command of pyaiot as data, read from the parsers that the commands themselves use."""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final

from pyaiot import options
from pyaiot.cli import generate_keys, verbs
from pyaiot.settings import SERVICES, CommonSettings, UpSettings

ROOT: Final = Path(__file__).resolve().parent.parent
#: All that has settings, by its command.
WITH_SETTINGS: Final[dict[str, type[CommonSettings]]] = {**SERVICES, "aiot up": UpSettings}
#: Where the DESCRIPTION of each is.
_MODULES: Final = {
    "aiot-broker": "pyaiot.broker.cli",
    "aiot-coap-gateway": "pyaiot.gateway.coap.cli",
    "aiot-mqtt-gateway": "pyaiot.gateway.mqtt.cli",
    "aiot-mqtt-broker": "pyaiot.mqtt_broker.cli",
    "aiot-ws-gateway": "pyaiot.gateway.ws.cli",
    "aiot-http-gateway": "pyaiot.gateway.http.cli",
    "aiot-dashboard": "pyaiot.dashboard.cli",
    "aiot up": "pyaiot.cli.up",
}
#: Stand-ins for hardware, as paths of the sources.
SIMULATORS: Final = ("utils/coap/coap-test-node.py", "utils/mqtt/mqtt-test-node.py", "utils/ws/ws-test-node.py")
_EXITS: Final = re.compile(r"^exit codes: (.*(?:\n {2,}.*)*)$", re.MULTILINE)


@dataclass(frozen=True)
class Option:
    """``spelled``: all its names, or what stands for an argument; ``values``: what stands behind it, if anything."""

    spelled: tuple[str, ...]
    values: str
    help: str


@dataclass(frozen=True)
class Part:
    """Options under one heading: those of the command, or, with its name, those of one of its own verbs."""

    name: str
    about: str
    options: tuple[Option, ...]


@dataclass(frozen=True)
class Command:
    """One command. ``summary`` is a line; ``examples`` are as typed; ``exits`` are codes and what they mean."""

    name: str
    summary: str
    synopsis: str
    description: tuple[str, ...]
    parts: tuple[Part, ...]
    examples: str
    exits: tuple[tuple[str, str], ...]

    @property
    def has_only_notes(self) -> bool:
        """Instead of examples, which have lines to type: these are indented."""
        return "\n  " not in self.examples


def services() -> dict[str, Command]:
    """All services, and ``aiot up``."""
    return {name: _command(parser_of_service(name), is_service=True) for name in WITH_SETTINGS}


def parser_of_service(name: str) -> argparse.ArgumentParser:
    """Of a service, or of ``aiot up``."""
    return options.make_parser(WITH_SETTINGS[name], name, import_module(_MODULES[name]).DESCRIPTION)


def verbs_of_aiot() -> dict[str, Command]:
    """All verbs but ``up``, and ``aiot-generate-keys``."""
    hidden = {name: os.environ.pop(name) for name in tuple(os.environ) if name.startswith("AIOT_")}
    width = os.environ.pop("COLUMNS", None)
    try:
        found = {
            f"aiot {verb}": _command(verbs.parser_of(verb), words) for verb, words in verbs.ALL.items() if verb != "up"
        }
        return found | {"aiot-generate-keys": _command(generate_keys.make_parser())}
    finally:
        os.environ.update(hidden if width is None else {**hidden, "COLUMNS": width})


def simulators() -> dict[str, Command]:
    """The programs of ``utils/``."""
    return {path: _command(_module(path).make_parser()) for path in SIMULATORS}  # type: ignore[attr-defined]


def _module(path: str) -> object:
    spec = importlib.util.spec_from_file_location(Path(path).stem.replace("-", "_"), ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _command(parser: argparse.ArgumentParser, summary: str = "", *, is_service: bool = False) -> Command:
    epilog = "" if is_service else parser.epilog or ""
    exits = _EXITS.search(epilog)
    told = () if exits is None else tuple((code, words) for code, words in re.findall(r"(\d+) ([^,]+)", exits[1]))
    description = tuple(" ".join(each.split()) for each in (parser.description or "").split("\n\n"))
    return Command(
        parser.prog,
        summary or description[0][:1].lower() + description[0][1:].partition(". ")[0].rstrip("."),
        f"{parser.prog} [OPTION]..." if is_service else _synopsis(parser),
        description,
        tuple(_parts(parser)),
        _EXITS.sub("", epilog).strip("\n"),
        told,
    )


def _synopsis(parser: argparse.ArgumentParser) -> str:
    """In one line, options first; argparse's own differs from one Python to the next."""
    if parser.usage is not None:
        return (parser.usage % {"prog": parser.prog}).replace(" [-h]", "")
    named = [_bracketed(each, parser) for each in parser._actions if each.option_strings and _is_told(each)]
    placed = [_placed(each) for each in parser._actions if not each.option_strings]
    return " ".join([parser.prog, *named, *placed])


def _bracketed(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    text = " ".join(filter(None, (action.option_strings[0], _option(parser, action).values)))
    return text if action.required else f"[{text}]"


def _placed(action: argparse.Action) -> str:
    name = _name_of(action)
    match action.nargs:
        case None:
            return name
        case "?":
            return f"[{name}]"
        case "*":
            return f"[{name} ...]"
        case _:
            return f"{name} ..."


def _name_of(action: argparse.Action) -> str:
    """What stands for an argument."""
    if isinstance(action.metavar, str):
        return action.metavar
    return "{" + ",".join(map(str, action.choices)) + "}" if action.choices else action.dest


def _parts(parser: argparse.ArgumentParser) -> Iterator[Part]:
    own = tuple(_option(parser, each) for each in parser._actions if _is_told(each))
    yield Part("", "", own)
    for each in parser._actions:
        if isinstance(each, argparse._SubParsersAction):
            about = {action.dest: action.help or "" for action in each._choices_actions}
            for name, inner in each.choices.items():
                wanted = (action for action in inner._actions if _is_told(action))
                yield Part(_synopsis(inner), about.get(name, ""), tuple(_option(inner, action) for action in wanted))


def _is_told(action: argparse.Action) -> bool:
    hidden = action.help == argparse.SUPPRESS
    return not (hidden or isinstance(action, (argparse._HelpAction, argparse._SubParsersAction)))


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Option:
    text = parser._get_formatter()._expand_help(action) if action.help else ""
    if not action.option_strings:
        return Option((_name_of(action),), "", text)
    formatter = argparse.HelpFormatter(parser.prog)
    values = "" if action.nargs == 0 else formatter._format_args(action, action.dest.upper())
    return Option(tuple(action.option_strings), values, text)
