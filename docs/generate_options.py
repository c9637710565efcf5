# SPDX-License-Identifier: BSD-3-Clause
"""Writes what is made of settings and parsers: ``python docs/generate_options.py``; a test says when it is due.

``docs/options.md`` here; ``docs/commands.md`` and the man pages by ``manual/pages.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from pyaiot.cli import generate_keys
from pyaiot.settings import (
    BrokerSettings,
    CoapGatewaySettings,
    CommonSettings,
    DashboardSettings,
    HttpGatewaySettings,
    MqttBrokerSettings,
    MqttGatewaySettings,
    UpSettings,
    WsGatewaySettings,
)

FILE = Path(__file__).parent / "options.md"

#: The commands that have settings, in the order of the data's road.
COMMANDS: dict[str, type[CommonSettings]] = {
    "aiot-coap-gateway": CoapGatewaySettings,
    "aiot-mqtt-gateway": MqttGatewaySettings,
    "aiot-http-gateway": HttpGatewaySettings,
    "aiot-mqtt-broker": MqttBrokerSettings,
    "aiot-ws-gateway": WsGatewaySettings,
    "aiot-broker": BrokerSettings,
    "aiot-dashboard": DashboardSettings,
    "aiot up": UpSettings,
}

HEAD = """\
# Options

<!-- Written by docs/generate_options.py from pyaiot/settings.py: change it there. -->

Every option of a service can be given in four places; a later one wins:

1. its default, below;
2. the config file, named by `--config FILE` or `AIOT_CONFIG`: TOML, one for all services, such as `broker_port = 8000`;
3. the environment: `AIOT_` and the option's name, such as `AIOT_BROKER_PORT=8000`; an empty variable counts as not set;
4. the command line: `--broker-port 8000` or `--broker_port=8000`. A switch needs no value: `--debug`, or `--debug=no`.

Everything is checked before anything starts. What is wrong is said in one line, and the exit code is 78; or 75
where it is not the option alone, and may pass: a port that is taken, an address or a file that is not there.
"""

KEYS = """\
## `aiot-generate-keys`

It reads no config file, and of the environment only `AIOT_KEY_FILE`. Private keys are never printed.

"""


def options_of(settings: type[CommonSettings]) -> set[tuple[str, Any]]:
    """The options that a service has, by name and default."""
    return {(each.name, each.default) for each in fields(settings)}


def render() -> str:
    """The text of the page."""
    parts = [HEAD, "## All services\n\n" + table(fields(CommonSettings))]
    common = options_of(CommonSettings)
    for command, settings in COMMANDS.items():
        others = [options_of(other) for other in COMMANDS.values() if other is not settings]
        known = common.union(*others) if command == "aiot up" else common
        own = [each for each in fields(settings) if (each.name, each.default) not in known]
        text = "All options of the services above, and:\n\n" if command == "aiot up" else ""
        parts.append(f"## `{command}`\n\n{text}{table(own)}")
    return "\n".join([*parts, KEYS + keys_table()])


def table(options: Iterable[Field[Any]]) -> str:
    """Options, one a line."""
    return rows(("option", "default", "what it is"), map(row, options))


def row(option: Field[Any]) -> tuple[str, str, str]:
    """One option."""
    meta = option.metadata
    flag = f"`--{option.name.replace('_', '-')}`"
    if isinstance(option.default, bool):
        default = "yes" if option.default else "no"
    else:
        default = f"`{option.default}`" if option.default != "" else ""
    choices = f": {', '.join(meta['choices'])}" if meta["choices"] else ""
    return flag, default, meta["help"] + choices


def keys_table() -> str:
    """The options of the command that makes keys."""
    return rows(
        ("option", "what it does"),
        (
            (f"`{' '.join((action.option_strings[-1], *metavars(action)))}`", action.help or "")
            for action in generate_keys.make_parser()._actions
            if action.dest != "help"
        ),
    )


def metavars(action: Any) -> Sequence[str]:
    """What stands behind an option."""
    if action.choices:
        return ("|".join(action.choices),)
    metavar = action.metavar or ()
    return (metavar,) if isinstance(metavar, str) else tuple(metavar)


def rows(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    escaped = ((cell.replace("|", "\\|") for cell in line) for line in (head, ["---"] * len(head), *lines))
    return "".join(f"| {' | '.join(line)} |\n" for line in escaped)


if __name__ == "__main__":
    FILE.write_text(render(), encoding="utf-8")
    sys.path.insert(0, str(FILE.parent.parent))
    from manual import pages

    pages.write()
    print(f"{FILE}, commands.md beside it and man/ written")
