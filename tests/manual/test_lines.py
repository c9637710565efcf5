# SPDX-License-Identifier: BSD-3-Clause
"""Every line of aiot in the pages names a command, a verb and options that there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from manual import commands
from pyaiot import __version__
from pyaiot.cli import verbs

ROOT = Path(__file__).parent.parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "firmware").rglob("*.md")])
#: In code: the command, and what stands behind it up to the end of it.
LINE = re.compile(r"(?<![\w./~<-])(?:[\w./~<>-]*/)?(aiot(?:-[a-z]+)*)((?: +(?!#|&)[^`\n|;&]*)?)")
#: What looks like a command and is none: units, their target, the library of MicroPython.
NO_COMMANDS = re.compile(r"aiot(?:-[a-z]+)*(?:\.\w+|\*)|mpremote .*")


#: Options that stand alone in a page, and are another program's.
OF_OTHERS = frozenset({"--build-arg", "--cacert", "--force-reinstall", "--secret"})


@cache
def options() -> dict[str, frozenset[str]]:
    """The options of each command, and of each verb as ``aiot <verb>``."""
    known = commands.services() | commands.verbs_of_aiot() | commands.simulators()
    return {
        name: frozenset(spelled for part in each.parts for option in part.options for spelled in option.spelled)
        for name, each in known.items()
    }


def code(text: str) -> Iterator[str]:
    """The lines of a page's blocks of code, and what stands in code marks."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE):
        yield from block.splitlines()
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    yield from re.findall(r"^ {4,}(.*)$", text, re.MULTILINE)


def faults(line: str) -> Iterator[str]:
    """What is wrong with the commands of a line."""
    line = line.partition("  #")[0]
    for command, rest in LINE.findall(NO_COMMANDS.sub("", line)):
        words = rest.split()
        name = command
        if command == "aiot":
            verb = next(iter(words), "")
            if not re.fullmatch(r"[a-z][a-z-]*", verb):
                continue
            if verb not in verbs.ALL:
                yield f"there is no verb {verb}: {line}"
                continue
            name = f"aiot {verb}"
        if name not in options():
            continue  # a name of something else, such as a folder
        for flag in re.findall(r"(?<![\w-])--[a-z][a-z-]*[a-z]", rest):
            if flag not in options()[name] | {"--help", "--version"}:
                yield f"{name} has no {flag}: {line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_of_aiot_are_right(page: Path) -> None:
    if page.name == "CHANGELOG.md":
        return  # it tells of what is no more, too
    lines = [*code(page.read_text(encoding="utf-8"))]
    assert [fault for line in lines for fault in faults(line)] == []
    known = frozenset[str]().union(*options().values(), OF_OTHERS)
    alone = {flag for line in lines for flag in re.findall(r"^(--[a-z][a-z-]*[a-z])", line)}
    assert alone <= known | {"--help", "--version"}, "none of ours; another program's belongs into OF_OTHERS"


def test_wrong_lines_are_found() -> None:
    for line, wrong in (
        ("aiot set coap/lamp led 1 --json", []),
        ("sudo /opt/pyaiot/bin/aiot instal-units", ["there is no verb instal-units"]),
        (".venv/bin/aiot ls --colour", ["aiot ls has no --colour"]),
        ("broker$ aiot-broker --broker-hots 192.0.2.1", ["aiot-broker has no --broker-hots"]),
        ("systemctl enable aiot.target aiot-broker", []),
    ):
        assert [fault.partition(":")[0] for fault in faults(line)] == wrong


def test_what_the_first_minute_has_typed_is_run_as_a_line_of_the_readme() -> None:
    blocks = re.findall(
        r"^```sh\n(.*?)^```$", (ROOT / "docs" / "first-minute.md").read_text(), re.DOTALL | re.MULTILINE
    )
    readme = re.sub(r" +#.*", "", (ROOT / "README.md").read_text()).replace(".venv/bin/", "")
    assert len(blocks) == 4
    for block in (blocks[0], *blocks[2:]):
        for line in block.splitlines():
            assert f"\n{line}\n" in readme, line


@pytest.mark.parametrize("page", ["first-minute.md", "operate.md"])
def test_the_wheel_that_is_installed_is_this_version(page: str) -> None:
    assert f"./pyaiot-{__version__}-py3-none-any.whl" in (ROOT / "docs" / page).read_text()
