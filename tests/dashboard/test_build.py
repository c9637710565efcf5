# SPDX-License-Identifier: BSD-3-Clause
"""Building the page from Python, and shipping it."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import front_end
import pytest

from tests.dashboard.watched_page import ROOT

# What a wheel is made of; the checkout itself is never built in by a test.
FOLDERS = ["build_backend", "man", "monitoring", "pyaiot"]
PARTS = [*FOLDERS, "LICENSE", "MANIFEST.in", "README.md", "pyproject.toml", "setup.py"]


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small front end in a tree of its own, for the functions of ``front_end``."""
    sources = tmp_path / "dashboard"
    (sources / "src").mkdir(parents=True)
    (sources / "package.json").write_text("{}")
    (sources / "src" / "main.ts").write_text("1")
    (sources / "node_modules").mkdir()
    monkeypatch.setattr(front_end, "SOURCES", sources)
    monkeypatch.setattr(front_end, "STATIC", tmp_path / "pyaiot" / "dashboard" / "static")
    (tmp_path / "pyaiot" / "dashboard").mkdir(parents=True)
    return tmp_path


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tools(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for node and npm that do what theirs do to the file system."""
    folder = clone / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    program(folder, "npm", "mkdir -p node_modules/vite/bin && cat package.json > node_modules/seen")
    program(
        folder,
        "node",
        'if [ "$1" = --version ]; then echo v20.19.0; else mkdir -p "$4" && cat src/main.ts > "$4/index.html"; fi',
    )
    return folder


def built(text: str) -> None:
    front_end.STATIC.mkdir(parents=True, exist_ok=True)
    (front_end.STATIC / "index.html").write_text(text)
    (front_end.STATIC / front_end.FINGERPRINT).write_text(front_end.fingerprint())


@pytest.mark.parametrize(
    ("version", "usable"),
    [
        ("v20.19.0", True),
        ("v22.12.1", True),
        ("v24.0.0\n", True),
        ("v20.18.9", False),
        ("v21.7.0", False),
        ("v22.11.0", False),
        ("v18.20.4", False),
        ("", False),
        ("v20", False),
    ],
)
def test_which_node_will_do(version: str, usable: bool) -> None:
    assert front_end.is_usable(version) is usable


def test_a_page_is_current_until_its_sources_change(clone: Path) -> None:
    assert not front_end.is_current()
    built("page")
    assert front_end.is_current()
    (clone / "dashboard" / "node_modules" / "x.js").write_text("not a source")
    (clone / "dashboard" / "src" / "main.ts").touch()
    assert front_end.is_current()
    (clone / "dashboard" / "src" / "main.ts").write_text("2")
    assert not front_end.is_current()
    built("page")
    (clone / "dashboard" / "src" / "main.ts").rename(clone / "dashboard" / "src" / "other.ts")
    assert not front_end.is_current()
    shutil.rmtree(clone / "dashboard")
    assert front_end.is_current()


def test_builds_and_replaces_in_one_step(clone: Path, tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built("older")
    (front_end.STATIC / "left-over.js").write_text("")
    (clone / "dashboard" / "src" / "main.ts").write_text("newer")
    assert front_end.main() == 0
    assert (front_end.STATIC / "index.html").read_text() == "newer"
    assert not (front_end.STATIC / "left-over.js").exists()
    assert [path.name for path in front_end.STATIC.parent.iterdir()] == ["static"]
    assert list((clone / "dashboard" / "node_modules").iterdir()) == []
    assert re.fullmatch(r"front end: built in \d+ s, \d+ kB compressed\n", capsys.readouterr().out)
    assert front_end.main() == 0
    assert capsys.readouterr().out == "front end: up to date\n"


def test_a_failed_build_keeps_the_page_and_says_why(
    clone: Path, tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program(tools, "npm", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network gone' >&2; exit 1")
    with pytest.raises(front_end.FrontEndError, match=r"^npm ci failed: network gone$") as failure:
        front_end.build()
    front_end.note_failure(failure.value)
    assert (front_end.STATIC / front_end.NOT_BUILT).read_text() == "npm ci failed: network gone\n"
    built("older")
    (clone / "dashboard" / "src" / "main.ts").write_text("newer")
    assert front_end.main() == 1
    assert "ENOTFOUND" in capsys.readouterr().err
    assert (front_end.STATIC / "index.html").read_text() == "older"


def test_a_failed_try_is_one_line_and_no_failure(clone: Path, tools: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program(tools, "npm", "echo 'npm error network gone' >&2; exit 1")
    assert front_end.main("--try") == 0
    shown = capsys.readouterr()
    assert re.fullmatch(r"[^\n]+: npm ci failed: network gone\. [^\n]+ tries again\.\n", shown.out)
    assert shown.err == ""
    assert (front_end.STATIC / front_end.NOT_BUILT).read_text() == "npm ci failed: network gone\n"


def test_make_run_tries_again_until_there_is_a_page(clone: Path, tools: Path) -> None:
    """With stand-ins for what it starts. ``pip install`` succeeds without the page, as ``setup.py`` lets it."""
    shutil.copytree(ROOT / "build_backend", clone / "build_backend", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Makefile", "pyproject.toml", "setup.py"):
        shutil.copy(ROOT / name, clone)
    (clone / "dashboard" / "build").mkdir()
    (clone / "dashboard" / "client").mkdir()
    environment = clone / ".venv" / "bin"
    environment.mkdir(parents=True)
    program(environment, "python", f'exec "{sys.executable}" "$@"')
    program(environment, "pip", "exit 0")
    program(environment, "aiot", "echo started")

    def make_run() -> str:
        outer = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
        done = subprocess.run(["make", "run"], cwd=clone, env=outer, capture_output=True, text=True, timeout=300)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    works = (tools / "npm").read_text()
    program(tools, "npm", "echo 'npm error network gone' >&2; exit 1")
    for _ in range(2):
        assert re.search(r"^The dashboard has no page yet: [^\n]+ network gone\. [^\n]+\nstarted\n\Z", make_run(), re.M)
    (tools / "npm").write_text(works)
    assert re.search(r"^front end: built [^\n]+\nstarted\n\Z", make_run(), re.M)
    assert (front_end.STATIC / "index.html").read_text() == "1"
    assert make_run() == "started\n"


def test_without_node(clone: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert front_end.requirements() == []
    program(tools, "node", "echo v18.20.4")
    monkeypatch.setattr(front_end, "pypi_node", lambda: None)
    with pytest.raises(front_end.FrontEndError, match=r"^no Node\.js[^\n]+$"):
        front_end.build()
    monkeypatch.setattr(front_end.sysconfig, "get_platform", lambda: "linux-x86_64")
    assert front_end.requirements() == [front_end.NODE_FROM_PYPI]
    monkeypatch.setattr(front_end.sysconfig, "get_platform", lambda: "linux-armv7l")
    assert front_end.requirements() == []
    monkeypatch.setattr(front_end.sysconfig, "get_platform", lambda: "linux-x86_64")
    built("page")
    assert front_end.requirements() == []


def test_a_wheel_carries_the_page(tmp_path: Path) -> None:
    """With the sources away, as in a tree unpacked from an sdist that was built elsewhere: no Node.js is asked for."""
    if not front_end.is_current():
        pytest.fail("the page is not built of these sources: run `make front-end` first", pytrace=False)
    tree = tmp_path / "tree"
    tree.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / part)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    wheel = next(tmp_path.glob("*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    static = ROOT / "pyaiot" / "dashboard" / "static"
    expected = {f"pyaiot/dashboard/static/{path.relative_to(static).as_posix()}" for path in static.rglob("*.*")}
    assert expected <= names
    assert any(name.endswith(".js.br") for name in expected)
    assert not any(name.startswith(("build_backend", "dashboard", "tests")) for name in names)


def test_the_lock_names_no_address_to_fetch_from() -> None:
    lock = json.loads((ROOT / "dashboard" / "package-lock.json").read_text(encoding="utf-8"))
    packages = lock["packages"]
    assert len(packages) > 20
    assert all("resolved" not in package for package in packages.values())
    assert all("integrity" in package for path, package in packages.items() if path)


def test_nothing_turns_text_into_markup() -> None:
    """The lint's rule again, as text, so that it holds where nobody ran npm."""
    sources = [path for path in (ROOT / "dashboard" / "src").rglob("*") if path.is_file()]
    sources += [*(ROOT / "dashboard" / "client").glob("*.js"), *(ROOT / "docs" / "examples").glob("*.html")]
    assert len(sources) > 20
    for path in sources:
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"\{@html|innerHTML|outerHTML|insertAdjacentHTML|srcdoc|document\.write|\beval\(", text)
        assert found == [], path
        if path.is_relative_to(ROOT / "dashboard" / "src"):
            assert not re.search(r"https?://(?!www\.w3\.org/|[a-z]+\.local\b)[a-z]", text), path
