# SPDX-License-Identifier: BSD-3-Clause
"""Man pages, as text for man(7)'s macros. Pure.

They have no date, so that the same sources give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import Field
from typing import Any, Final

from manual.commands import Command, Part

HEAD: Final = (
    '.\\" SPDX-License-Identifier: BSD-3-Clause\n.\\" Written by docs/generate_options.py: change the command itself.\n'
)
#: Exit codes of a service; other commands say theirs.
SERVICE_EXITS: Final = (
    ("0", "it was ended, by SIGTERM or Ctrl-C"),
    ("1", "it failed while it ran; the log says why"),
    ("78", "something is set wrong; one line on standard error says what to do"),
)
PLAIN_EXITS: Final = (
    ("0", "done"),
    ("1", "it failed, or only a part was done; standard error says what"),
    ("78", "something is set or asked wrong; one line on standard error says what to do"),
)
CONFIG_PAGE: Final = "aiot.toml"
FILES: Final = (
    ("~/.pyaiot/keys", "this host's private keys, whom its broker admits, and whom its gateways trust"),
    ("~/.pyaiot/devices", "passwords of devices, hashed"),
    ("~/.pyaiot/device-keys/", "public keys that tokens of devices are checked by"),
    ("~/.pyaiot/device-owners", "which account has proved which id"),
)
_ESCAPES: Final = str.maketrans({"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "~": "\\(ti", "^": "\\(ha"})


def page_name(command: str) -> str:
    """What a command's page is called: ``aiot ls`` is ``aiot-ls``."""
    return command.replace(" ", "-")


def command_page(command: Command, *, is_service: bool) -> str:
    """The page of one command, section 1."""
    name = page_name(command.name)
    parts = [_title(name, 1), _name(name, command.summary), _synopsis(command.synopsis)]
    parts += [".SH DESCRIPTION\n", *_paragraphs(command.description)]
    for part in command.parts:
        parts.append(_options(part, is_service))
    if is_service:
        parts += [_environment(), _files()]
    if command.examples and command.has_only_notes:
        parts += [".SH NOTES\n", *_paragraphs([" ".join(command.examples.split())])]
    elif command.examples:
        parts.append(f".SH EXAMPLES\n{_verbatim(command.examples)}")
    parts.append(_exits(command.exits or (SERVICE_EXITS if is_service else PLAIN_EXITS)))
    also = [("aiot", 1), (CONFIG_PAGE, 5)] if is_service else [("aiot", 1)]
    return "".join([*parts, _see_also(also)])


def main_page(verbs: Mapping[str, str], services: Mapping[str, Command], environment: Mapping[str, str]) -> str:
    """The page of ``aiot`` itself. ``verbs``: each with what it is for; ``environment``: likewise its variables."""
    parts = [
        _title("aiot", 1),
        _name("aiot", "connects small things to the web"),
        _synopsis("aiot VERB [OPTION]..."),
        ".SH DESCRIPTION\n",
        *_paragraphs(
            [
                "Devices that speak CoAP, MQTT, WebSocket or HTTP show up on a live page within seconds; you see what "
                "they measure, switch what they offer, and learn whether it worked.",
                "aiot up runs everything in one process; with --demo, with simulated devices. To run the services "
                "apart see the pages below.",
            ]
        ),
        ".SH VERBS\nEach has a page of its own, such as\n.BR aiot\\-ls (1).\n",
        *(_tagged(f"\\fBaiot {_text(verb)}\\fR", words) for verb, words in verbs.items()),
        ".SH SERVICES\n",
        *(_tagged(f"\\fB{_text(name)}\\fR", each.summary) for name, each in services.items() if " " not in name),
        ".SH ENVIRONMENT\n",
        *(_tagged(f"\\fB{_text(name)}\\fR", words) for name, words in environment.items()),
        _files(),
    ]
    pages = [*(name for name in services if " " not in name), "aiot-generate-keys"]
    return "".join([*parts, _see_also([*((name, 1) for name in pages), (CONFIG_PAGE, 5)])])


def config_page(options: Iterable[tuple[Field[Any], Sequence[str]]]) -> str:
    """The page of the config file, section 5. ``options``: each with the services that read it."""
    parts = [
        _title(CONFIG_PAGE, 5),
        _name(CONFIG_PAGE, "options of the pyaiot services"),
        ".SH DESCRIPTION\n",
        *_paragraphs(
            [
                "A file in TOML, one for all services of a host. It has no fixed place: name it by --config FILE, or "
                "by the variable AIOT_CONFIG. An option is a key of its name, with underscores; a service reads what "
                "is its own. A key that no service knows is a mistake, which is said before anything starts.",
                "The environment (AIOT_ and the name in capitals) wins over the file, and the command line over both.",
            ]
        ),
        ".SH EXAMPLE\n",
        _verbatim('broker_host = "192.0.2.1"\nbroker_port = 8000\nmax_time = 300\nrequire_token = true'),
        ".SH OPTIONS\n",
    ]
    for option, services in options:
        parts.append(_tagged(f"\\fB{_text(option.name)}\\fR = {_text(_default(option.default))}", _about(option)))
        parts.append(f"Read by {_text(', '.join(services))}.\n")
    return "".join([*parts, _see_also([("aiot", 1)])])


def _default(default: Any) -> str:
    return (
        ("false", "true")[default]
        if isinstance(default, bool)
        else f'"{default}"'
        if isinstance(default, str)
        else str(default)
    )


def _about(option: Field[Any]) -> str:
    meta = option.metadata
    if meta["choices"]:
        return f"{meta['help']}: {', '.join(meta['choices'])}."
    if meta["low"] is not None and meta["high"] is not None:
        return f"{meta['help']}; {meta['low']} to {meta['high']}."
    return f"{meta['help']}."


def _title(name: str, section: int) -> str:
    return f'{HEAD}.TH {_text(name.upper())} {section} "" "pyaiot" "pyaiot"\n.nh\n.ad l\n'


def _name(name: str, summary: str) -> str:
    return f".SH NAME\n{_text(name)} \\- {_text(summary)}\n"


def _synopsis(text: str) -> str:
    return f".SH SYNOPSIS\n{_text(text)}\n"


def _paragraphs(paragraphs: Iterable[str]) -> list[str]:
    return [f".PP\n{_text(each)}\n" for each in paragraphs]


def _options(part: Part, is_service: bool) -> str:
    options = [each for each in part.options if each.help or not each.spelled[0].startswith("-")]
    if not options and not part.name:
        return ""
    head = f".SS {_text(part.name)}\n{_text(part.about)}.\n" if part.name else ".SH OPTIONS\n"
    said = "A switch needs no value. --broker\\-port=8000 is as good as --broker\\-port 8000.\n" if is_service else ""
    return (
        head
        + said.replace("--", "\\-\\-")
        + "".join(
            _tagged(
                ", ".join(f"\\fB{_text(name)}\\fR" for name in each.spelled)
                + (f" \\fI{_text(each.values)}\\fR" if each.values else ""),
                each.help,
            )
            for each in options
        )
    )


def _environment() -> str:
    words = (
        "Each option can stand in the environment, too: AIOT_ and its name in capitals, such as AIOT_BROKER_PORT=8000."
    )
    return f".SH ENVIRONMENT\n{_text(words)}\n"


def _files() -> str:
    return ".SH FILES\n" + "".join(_tagged(f"\\fI{_text(path)}\\fR", words) for path, words in FILES)


def _exits(exits: Iterable[tuple[str, str]]) -> str:
    return ".SH EXIT STATUS\n" + "".join(_tagged(f"\\fB{code}\\fR", words) for code, words in exits)


def _see_also(pages: Sequence[tuple[str, int]]) -> str:
    lines = [
        f".BR {_text(name)} ({section}){',' * (index < len(pages) - 1)}" for index, (name, section) in enumerate(pages)
    ]
    return ".SH SEE ALSO\n" + "\n".join(lines) + "\n"


def _tagged(tag: str, text: str) -> str:
    return f".TP\n{tag}\n{_text(text)}\n"


def _verbatim(text: str) -> str:
    return ".nf\n" + "".join(f"{_text(line)}\n" for line in text.splitlines()) + ".fi\n"


def _text(text: str) -> str:
    """Text as text: no line of it is a request, and nothing in it is a request's sign."""
    escaped = text.translate(_ESCAPES)
    return f"\\&{escaped}" if escaped.startswith((".", "\\(aq")) else escaped
