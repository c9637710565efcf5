# SPDX-License-Identifier: BSD-3-Clause
"""``aiot completion``: what makes a shell complete verbs, options, and the nodes of the running broker."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
from collections.abc import Iterable, Sequence
from typing import Final

from pyaiot.cli import verbs
from pyaiot.client import Client
from pyaiot.options import OneLineParser

#: How long a shell waits for the broker's words, in seconds.
PATIENCE_S: Final = 1.0

#: What comes from the broker is offered only where it is plain. Whoever registers names its methods as it likes, and a
#: shell would run ``$(…)`` in a word that was completed; a dash first would make an option of it.
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:/][A-Za-z0-9._:/-]*")

#: Each quotes what it is told, besides; zsh and fish do so by themselves.
SCRIPTS: Final = {
    "bash": """\
# eval "$(aiot completion bash)"
_aiot() {
    local word
    COMPREPLY=()
    while IFS= read -r word; do
        printf -v word '%q' "$word"
        COMPREPLY+=("$word")
    done < <(aiot completion words "${COMP_CWORD}" "${COMP_WORDS[@]}" 2>/dev/null)
}
complete -o default -F _aiot aiot
""",
    "zsh": """\
# eval "$(aiot completion zsh)"
_aiot() {
    local -a found
    found=(${(f)"$(aiot completion words $((CURRENT - 1)) "${words[@]}" 2>/dev/null)"})
    compadd -a found
}
compdef _aiot aiot
""",
    "fish": """\
# aiot completion fish | source
function __aiot
    set -l words (commandline -opc) (commandline -ct)
    aiot completion words (math (count $words) - 1) $words 2>/dev/null
end
complete -c aiot -f -a '(__aiot)'
""",
}


def make_parser() -> argparse.ArgumentParser:
    """What the command line may say."""
    parser = OneLineParser(prog="aiot completion", description="What makes a shell complete aiot.", allow_abbrev=False)
    parser.add_argument("shell", choices=sorted(SCRIPTS))
    return parser


def run(arguments: Sequence[str]) -> int:
    """Do what ``arguments`` say; raises ConfigurationError."""
    if arguments[:1] == ["words"] and len(arguments) > 2 and arguments[1].isdecimal():
        for word in complete(list(arguments[2:]), int(arguments[1])):
            print(word)
        return 0
    print(SCRIPTS[make_parser().parse_args(list(arguments)).shell], end="")
    return 0


def complete(words: list[str], place: int) -> list[str]:
    """What may stand at ``place`` of the command line ``words`` (which begins with ``aiot``)."""
    begun = words[place] if place < len(words) else ""
    found = sorted(verbs.ALL) if place <= 1 else _inside(words[1], words[2:place], begun)
    return [each for each in found if each.startswith(begun)]


def _inside(verb: str, before: list[str], begun: str) -> list[str]:
    try:
        parser = verbs.parser_of(verb)
    except KeyError:
        return []
    if begun.startswith("-"):
        return sorted(option for action in parser._actions for option in action.option_strings)
    if verb not in verbs.OF_NODES and verb not in verbs.OF_ENTITIES:
        return []
    places = [word for word in before if not word.startswith("-")]
    with contextlib.suppress(Exception):  # whatever it is, this is no place to say so
        return plain(asyncio.run(_ask(verb, places)))
    return []


def plain(words: Iterable[str]) -> list[str]:
    """Those that are the same words in any shell."""
    return [each for each in words if _PLAIN.fullmatch(each)]


async def _ask(verb: str, places: list[str]) -> list[str]:
    async with asyncio.timeout(PATIENCE_S), Client(verbs.broker(), patience_s=0) as client:
        if verb in verbs.OF_NODES:
            if not places:
                return [node.uid for node in await client.nodes()]
            return sorted((await client.node(places[0])).values) if len(places) == 1 else []
        if not places:
            return [entity.id for entity in await client.entities()]
        return (
            sorted(str(each["name"]) for each in (await client.entity(places[0])).methods) if len(places) == 1 else []
        )
