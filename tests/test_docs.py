# SPDX-License-Identifier: BSD-3-Clause
"""The documents say what is true of the code: commands, options, messages, close codes, metrics, links."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from types import ModuleType

import msgspec
import pytest

from manual import links
from pyaiot import __version__
from pyaiot.broker import client_codec
from pyaiot.broker import writes as broker_writes
from pyaiot.cli import verbs
from pyaiot.settings import ALL_SETTINGS
from pyaiot.wire import handshake, messages
from tests.monitoring.every_metric import every_family, labels_of

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "PROTOCOL.md", "CHANGELOG.md", "CONTRIBUTING.md")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def tracked() -> list[Path]:
    """Every file that git has or would take, but those that are ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_are_there(name: str) -> None:
    text = read(name)
    assert text.startswith("# ")
    assert len(text) > 300
    assert not text.endswith("\n\n")
    assert not re.search(r"\b(TODO|FIXME|TBD|XXX)\b", text)


# Commands and options


@pytest.mark.parametrize("script", [*PROJECT["scripts"]])
def test_every_command_is_in_the_readme(script: str) -> None:
    assert re.search(rf"\b{script}\b(?!-)", read("README.md"))


def generate_options() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_options", ROOT / "docs" / "generate_options.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_list_of_options_is_current() -> None:
    assert read("docs/options.md") == generate_options().render(), "run python docs/generate_options.py"


def test_the_list_of_options_is_whole() -> None:
    generated = generate_options()
    assert set(generated.COMMANDS.values()) == set(ALL_SETTINGS)
    text = read("docs/options.md")
    for settings in ALL_SETTINGS:
        for each in fields(settings):
            assert f"`--{each.name.replace('_', '-')}`" in text
    assert {*PROJECT["scripts"], "aiot up"} - {"aiot"} == set(re.findall(r"^## `([a-z -]+)`$", text, re.MULTILINE))


def test_options_in_documents_exist() -> None:
    """As flags, and as variables of the environment."""
    names = {each.name for settings in ALL_SETTINGS for each in fields(settings)}
    flags = set(re.findall(r"`(--[a-z-]+)", read("docs/options.md")))
    for tool in (ROOT / "utils").rglob("*.py"):
        shown = subprocess.run([sys.executable, tool, "--help"], capture_output=True, check=True, text=True).stdout
        flags |= set(re.findall(r"--[a-z]+(?:-[a-z]+)*", shown))
    for verb in set(verbs.ALL) - {"up"}:
        flags |= set(re.findall(r"--[a-z]+(?:-[a-z]+)*", verbs.parser_of(verb).format_help()))
    for document in ("README.md", "PROTOCOL.md", "ARCHITECTURE.md", "docs/metrics.md"):
        text = read(document)
        for flag in re.findall(r"(?<![\w-])--[a-z]+(?:-[a-z]+)*", text):
            assert flag in flags | {"--help", "--version"}, f"{document}: {flag}"
        for variable in re.findall(r"\bAIOT_([A-Z_]*[A-Z])\b", text):
            assert variable.lower() in names, f"{document}: AIOT_{variable}"


def test_every_verb_of_the_makefile_is_in_contributing() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE)
    assert len(targets) >= 5
    for verb in targets:
        assert f"make {verb}" in read("CONTRIBUTING.md") or verb in ("help", "clean"), verb


def test_the_changelog_begins_with_this_version() -> None:
    versions = re.findall(r"^## \[?v?(\d+\.\d+\.\d+|Unreleased)\b", read("CHANGELOG.md"), re.MULTILINE | re.IGNORECASE)
    assert versions
    assert versions[0] in ("Unreleased", __version__)


# The tree


def test_the_architecture_names_every_part() -> None:
    text = read("ARCHITECTURE.md")
    package = ROOT / "pyaiot"
    for part in package.iterdir():
        if part.is_dir() and (part / "__init__.py").exists():
            assert f"{part.name}/" in text, part
    for module in package.glob("*.py"):
        if module.name != "__init__.py":
            assert module.name in text, module


# The protocol


def tags(module: ModuleType) -> dict[str, str]:
    """Every type of message that is declared in a module, by its name on the wire."""
    found = {}
    for thing in vars(module).values():
        if isinstance(thing, type) and issubclass(thing, msgspec.Struct) and thing.__module__ == module.__name__:
            tag = thing.__struct_config__.tag
            if isinstance(tag, str) and thing.__struct_config__.tag_field and not thing.__name__.startswith("_Message"):
                found[tag] = thing.__name__
    return found


WIRE_TAGS = tags(messages)
CLIENT_TAGS = tags(client_codec)


def test_messages_are_found() -> None:
    assert {"hello", "auth", "welcome", "new", "update", "sync", "write", "refused"} <= set(WIRE_TAGS)
    assert {"new", "update", "out", "reset", "result"} <= set(CLIENT_TAGS)


@pytest.mark.parametrize("tag", sorted({*WIRE_TAGS, *CLIENT_TAGS}))
def test_every_message_is_in_the_protocol(tag: str) -> None:
    link, _, stream = read("PROTOCOL.md").partition("## 3.")
    if tag in WIRE_TAGS:
        assert f'"type": "{tag}"' in link
    if tag in CLIENT_TAGS:
        assert f'"type": "{tag}"' in stream


def test_every_field_is_in_the_protocol() -> None:
    text = read("PROTOCOL.md")
    for thing in vars(messages).values():
        if isinstance(thing, type) and issubclass(thing, msgspec.Struct):
            for each in msgspec.structs.fields(thing):
                assert f'"{each.encode_name}"' in text, f"{thing.__name__}: {each.encode_name}"


def close_codes() -> Iterator[tuple[int, str]]:
    """Constants called CLOSE_…, and literals in calls of ``close``."""
    for path in (ROOT / "pyaiot").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=int(code))) if "CLOSE_" in name:
                    yield code, f"{path.name}: {name}"
                case ast.Call(func=ast.Attribute(attr="close"), args=[ast.Constant(value=int(code)), *_]):
                    yield code, f"{path.name}:{node.lineno}"


def test_every_close_code_is_in_the_protocol() -> None:
    found = dict(close_codes())
    assert {1001, 1003, 4400, 4401, 4409} <= set(found)
    listed = re.search(r"Close codes: (.*?)\n\n", read("PROTOCOL.md"), re.DOTALL)
    assert listed is not None
    for code, where in found.items():
        assert str(code) in listed[1], where


def test_outcomes_of_writes_are_in_the_protocol() -> None:
    assert broker_writes.__doc__ is not None
    codes = re.findall(r"^([a-z]+) {2,}\S", broker_writes.__doc__, re.MULTILINE)
    codes.remove("code")
    assert {"unknown", "offline", "forbidden"} <= set(codes)
    for code in codes:
        assert f"`{code}`" in read("PROTOCOL.md")


def test_numbers_of_the_protocol_are_those_of_the_code() -> None:
    text = read("PROTOCOL.md")
    for figure in (
        f"{handshake.MAX_HANDSHAKE_BYTES:,} bytes",
        f"{client_codec.MAX_MESSAGE_BYTES:,} from a client",
        f"{broker_writes.MAX_PENDING_PER_CLIENT} writes under way, a gateway {broker_writes.MAX_PENDING_PER_GATEWAY:,}",
        f"a write takes at most {broker_writes.TTL_S:.0f} s",
        handshake.SUBPROTOCOL,
        handshake.AUTH_CONTEXT[:-1].decode(),
        "pyaiot-frame-v1",
    ):
        assert figure in text, figure


# Metrics


async def test_every_metric_is_described_and_every_described_one_is_there() -> None:
    there = {each.name: (each.kind, labels_of(each)) for each in every_family()}
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", read("docs/metrics.md"), re.MULTILINE)
    assert len(there) > 150
    for name, kind, labels in rows:
        told = set(re.findall(r"`(\w+)`", labels))
        # Some have a sample only when something has happened.
        assert there[name][0] == kind, name
        assert there[name][1] in (told, set()), name
    assert sorted(there) == sorted(row[0] for row in rows)


def test_metrics_in_documents_exist() -> None:
    described = set(re.findall(r"^\| `(\w+)` \|", read("docs/metrics.md"), re.MULTILINE))
    for page in pages():
        named = set(re.findall(r"`(aiot_[a-z_]+[a-z])\b[^`]*`", page.read_text(encoding="utf-8")))
        assert named <= described, page


# Links


def pages() -> list[Path]:
    return [path for path in tracked() if path.suffix == ".md"]


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of headings."""
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ +(.+?) *$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_is_in_the_menu_of_the_site() -> None:
    """So it is found before `make check` builds the site."""
    menu = set(re.findall(r"[\w-]+\.md\b", read("mkdocs.yml").partition("\nnav:")[2]))
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= menu, "add it to nav in mkdocs.yml"
    assert links.PAGES.keys() <= menu


# What must not be there


def test_no_registry_is_named() -> None:
    """Packages are named by name; where they come from is set up on the machine."""
    hosts = re.compile(
        rb"registry\.n"
        rb"pmjs|registry\.y"
        rb"arnpkg|files\.python"
        rb"hosted|pypi\.or"
        rb"g|deb\.de"
        rb"bian\.org"
        rb"|crates\.i"
        rb"o\b|index-u"
        rb"rl|extra-i"
        rb"ndex|\"resolv"
        rb"ed\": *\"https?:"
    )
    files = tracked()
    assert len(files) > 100
    for path in files:
        assert not hosts.search(path.read_bytes()), path
