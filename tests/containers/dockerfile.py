# SPDX-License-Identifier: BSD-3-Clause
"""Reads what the project's own files of containers say: Dockerfile, .dockerignore, compose files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Instruction:
    """One of a Dockerfile; ``value`` is what stands behind its name and flags, its lines joined."""

    line: int
    name: str
    flags: tuple[str, ...]
    value: str

    @property
    def words(self) -> list[str]:
        """In the exec form, a JSON array; else split at spaces."""
        return json.loads(self.value) if self.is_exec_form else self.value.split()

    @property
    def is_exec_form(self) -> bool:
        return self.value.startswith("[")

    @property
    def assignments(self) -> dict[str, str]:
        """Those of ENV, LABEL and ARG."""
        return {
            name: text[1:-1] if text[:1] == '"' else text
            for name, text in re.findall(r'([\w.]+)=("[^"]*"|\S*)', self.value)
        }


def instructions(text: str) -> list[Instruction]:
    """Every instruction of a Dockerfile, in order."""
    found = []
    lines = iter(enumerate(text.splitlines(), 1))
    for number, line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        whole = line.strip()
        while whole.endswith("\\"):
            following = next(lines)[1].strip()
            whole = whole[:-1].rstrip() + " " + following if not following.startswith("#") else whole
        name, *rest = whole.split(" ")
        flags = []
        while rest and rest[0].startswith("--"):
            flags.append(rest.pop(0))
        found.append(Instruction(number, name, tuple(flags), " ".join(rest).strip()))
    return found


def stages(text: str) -> list[list[Instruction]]:
    """The instructions by stage: each begins with its FROM. ARGs before the first are left out."""
    found: list[list[Instruction]] = []
    for each in instructions(text):
        if each.name == "FROM":
            found.append([])
        if found:
            found[-1].append(each)
    return found


def context(folder: Path = ROOT) -> Iterator[PurePosixPath]:
    """The files below ``folder`` that its .dockerignore lets into a build, relative."""
    rules = []
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rules.append((not line.startswith("!"), pattern(line.removeprefix("!"))))
    folders = [folder]
    while folders:
        for path in folders.pop().iterdir():
            relative = PurePosixPath(path.relative_to(folder))
            # A pattern means what is below it, too; the last one that matches holds.
            ways = [str(relative), *map(str, relative.parents)][:-1]
            out = False
            for excludes, matches in rules:
                if any(matches.fullmatch(way) for way in ways):
                    out = excludes
            if path.is_dir() and not path.is_symlink():
                if not out or len(relative.parts) == 0:
                    folders.append(path)
            elif not out:
                yield relative


def pattern(text: str) -> re.Pattern[str]:
    """As Docker reads one: ``*`` within a name, ``**`` over any folders."""
    parts = re.split(r"(\*\*/|\*)", text)
    return re.compile("".join({"**/": "(?:.*/)?", "*": "[^/]*"}.get(part, re.escape(part)) for part in parts))


def compose(name: str, **variables: str) -> dict[str, Any]:
    """A compose file with its variables put in, as text wherever they stand: ``${NAME:-default}``."""

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [fill(each) for each in value]
        if not isinstance(value, str):
            return value
        filled = re.sub(r"\$\{(\w+):-([^}]*)\}", lambda match: variables.get(match[1]) or match[2], value)
        assert "$" not in filled, "a variable without a default"
        return filled

    filled: dict[str, Any] = fill(yaml.safe_load((ROOT / name).read_text()))
    return filled
