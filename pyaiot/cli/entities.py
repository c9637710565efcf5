# SPDX-License-Identifier: BSD-3-Clause
"""``aiot entities``: who is there, and what can be called."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from pyaiot.cli import talking
from pyaiot.cli.wording import clean, table
from pyaiot.client import Client
from pyaiot.wire.messages import JSON


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = talking.make_parser("entities", "The entities that are there: programs, tabs, phones, devices.")
    parser.add_argument("id", nargs="?", metavar="ENTITY", help="all that is known of this one")
    parser.add_argument("--type", metavar="TYPE", help="only of this type")
    parser.add_argument("--kind", choices=("peer", "device"), help="only those that connected themselves, or devices")
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    return talking.talk(make_parser(), list(arguments), _list)


async def _list(client: Client, options: argparse.Namespace) -> int:
    if options.id is not None:
        return await _describe(client, options)
    found = await client.entities(type=options.type, kind=options.kind)
    if options.json:
        for each in found:
            talking.print_json({"id": each.id, "type": each.type, "kind": each.kind})
    elif found:
        rows = [(each.id, each.type, each.kind) for each in found]
        print(table(("ENTITY", "TYPE", "KIND"), rows, talking.terminal_width()), end="")
    else:
        print("No entity is there.")
    return 0


async def _describe(client: Client, options: argparse.Namespace) -> int:
    entity = await client.entity(options.id)
    if options.json:
        talking.print_json(entity)
        return 0
    print(f"{entity.id}  {clean(entity.type)}, {entity.kind}, {entity.subscribers} subscribers")
    if entity.description:
        print(f"  {clean(entity.description)}")
    for method in entity.methods:
        print(f"  {_signature(method)}")
    for topic in entity.topics:
        print(f"  publishes {clean(topic)}")
    return 0


def _signature(method: Mapping[str, JSON]) -> str:
    parameters = ", ".join(_parameter(each) for each in method.get("params", ()))
    gives = (method.get("result") or {}).get("type")
    words = method.get("description")
    signature = f"{method['name']}({parameters})" + (f" → {gives}" if gives else "")
    return clean(f"{signature}  {words}" if words else signature)


def _parameter(parameter: Mapping[str, JSON]) -> str:
    named = f"{parameter['name']}: {parameter['type']}" if "type" in parameter else str(parameter["name"])
    return f"[{named}]" if parameter.get("required") is False else named
