# SPDX-License-Identifier: BSD-3-Clause
"""Everything that is generated of the commands and kept in the repository, by its path: docs/commands.md and man/*."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, Final

from manual import roff
from manual.commands import WITH_SETTINGS, services, simulators, verbs_of_aiot
from manual.markdown import commands_page
from pyaiot.cli import verbs

ROOT: Final = Path(__file__).resolve().parent.parent
ENVIRONMENT: Final = {
    "AIOT_BROKER": "where verbs look for the broker: host:port, or a URL; else as AIOT_BROKER_HOST and _PORT say",
    "AIOT_TOKEN": "the token of verbs, where the broker wants one",
    "AIOT_BROKER_CA": "certificates that verbs and gateways trust the broker by, instead of the system's",
    "AIOT_CONFIG": "the services' config file, see aiot.toml(5)",
}


def render() -> dict[str, str]:
    """The text of each file, by its path in the repository."""
    running, others = services(), verbs_of_aiot()
    man = {"aiot.1": roff.main_page(verbs.ALL, running, ENVIRONMENT), "aiot.toml.5": roff.config_page(_options())}
    for name, command in (running | others).items():
        man[f"{roff.page_name(name)}.1"] = roff.command_page(command, is_service=name in running)
    return {"docs/commands.md": commands_page(others, simulators())} | {
        f"man/{name}": text for name, text in man.items()
    }


def write() -> None:
    """Write what :func:`render` gives, and remove pages of commands that are no more."""
    texts = render()
    (ROOT / "man").mkdir(exist_ok=True)
    for path in (ROOT / "man").glob("*.[15]"):
        if f"man/{path.name}" not in texts:
            path.unlink()
    for name, text in texts.items():
        (ROOT / name).write_text(text, encoding="utf-8")


def _options() -> Iterator[tuple[Field[Any], Sequence[str]]]:
    """Each option of the config file once, with the services that read it."""
    found: dict[str, tuple[Field[Any], list[str]]] = {}
    for service, settings in WITH_SETTINGS.items():
        for each in fields(settings):
            found.setdefault(each.name, (each, []))[1].append(service)
    everywhere = len(WITH_SETTINGS)
    for option, readers in found.values():
        if option.name != "config":
            yield option, ["all services"] if len(readers) == everywhere else readers
