# SPDX-License-Identifier: BSD-3-Clause
"""What is generated of the commands is current, whole, and good roff."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from manual import commands, pages, roff
from manual.commands import Command, Option, Part
from pyaiot import cli
from pyaiot.cli import generate_keys, verbs
from pyaiot.settings import ALL_SETTINGS

ROOT = Path(__file__).parent.parent.parent
MAN = ROOT / "man"


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return pages.render()


def test_what_is_generated_is_current(texts: dict[str, str]) -> None:
    kept = {f"man/{path.name}" for path in MAN.iterdir()} | {"docs/commands.md"}
    assert kept == texts.keys(), "run python docs/generate_options.py"
    for name, text in texts.items():
        assert (ROOT / name).read_text(encoding="utf-8") == text, f"{name}: run python docs/generate_options.py"


def test_every_command_verb_and_option_is_told(texts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for verb, words in verbs.ALL.items():
        assert f"man/aiot-{verb}.1" in texts
        assert roff._text(words) in texts["man/aiot.1"]
        assert verb == "up" or f"## `aiot {verb}`" in texts["docs/commands.md"]
    known = {each.name for settings in ALL_SETTINGS for each in fields(settings)} - {"config"}
    for name in known:
        assert f"\n\\fB{name}\\fR = " in texts["man/aiot.toml.5"]
    assert len(commands.simulators()) == len([*(ROOT / "utils").rglob("*.py")])
    monkeypatch.setenv("AIOT_BROKER", "elsewhere:1")
    monkeypatch.setenv("COLUMNS", "20")
    assert pages.render() == texts, "it depends on who generates it"


def test_help_and_man_pages_fit_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Of 80 columns; what man pages have of examples stands 7 further to the right."""
    monkeypatch.setenv("COLUMNS", "80")
    parsers = [generate_keys.make_parser(), *(commands.parser_of_service(name) for name in commands.WITH_SETTINGS)]
    parsers += [verbs.parser_of(verb) for verb in set(verbs.ALL) - {"up"}]
    cli.run(["--help"])
    told = [capsys.readouterr().out, *(each.format_help() for each in parsers)]
    assert [line for text in told for line in text.splitlines() if len(line) > 80] == []
    examples = [line for each in commands.verbs_of_aiot().values() for line in each.examples.splitlines()]
    assert len(examples) > 20
    assert [line for line in examples if len(line) > 73] == []


@pytest.mark.needs("nroff")
def test_text_is_no_request() -> None:
    command = Command(
        "aiot x",
        ".y",
        "aiot x",
        ("'quoted' \\ and --long~^`",),
        (Part("", "", (Option(("--a",), "B", ".c"),)),),
        "",
        (),
    )
    shown = subprocess.run(
        ["nroff", "-man", "-Tascii"], input=roff.command_page(command, is_service=False), capture_output=True, text=True
    ).stdout
    for said in ("x - .y", "'quoted' \\ and --long~^`", "--a B", ".c"):
        assert said in re.sub(".\b", "", shown)


@pytest.mark.needs("groff")
def test_man_pages_have_no_warnings() -> None:
    said = subprocess.run(
        ["groff", "-man", "-ww", "-z", "-Tutf8", "-Kutf8", *sorted(MAN.iterdir())], capture_output=True, text=True
    )
    assert (said.returncode, said.stderr) == (0, "")
