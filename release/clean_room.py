# SPDX-License-Identifier: BSD-3-Clause
"""An environment that has nothing but what is installed into it: no Node.js on its PATH, not these sources, no pip."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.processes import Process
from release.tree import ReleaseError

INSTALL_TIMEOUT_S = 600
COMMAND_TIMEOUT_S = 60
#: Free ports, on loopback.
_DEMO = {
    **{f"AIOT_{name}_PORT": "0" for name in ("BROKER", "COAP", "GATEWAY", "HTTP", "MQTT", "WEB")},
    **{f"AIOT_{name}_HOST": "127.0.0.1" for name in ("COAP", "GATEWAY")},
    "PYTHONUNBUFFERED": "1",
}


class CleanRoom:
    """A virtual environment in ``folder``, which is made; its home is empty."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bin = folder / "environment" / "bin"
        self.python = self._bin / "python"
        home = folder / "home"
        home.mkdir(parents=True)
        self._environment = {**_kept(os.environ), "PATH": str(self._bin), "HOME": str(home)}
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self._bin.parent)], check=True)
        if shutil.which("node", path=self._environment["PATH"]):
            raise ReleaseError("there is a Node.js in a new virtual environment: nothing would be proved by it")

    def install(self, archive: Path, extras: Sequence[str]) -> None:
        """Install a wheel or an sdist as a user does. Raises ReleaseError."""
        wanted = f"{archive}[{','.join(extras)}]"
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "pip",
                "--verbose",
                "--python",
                str(self.python),
                "install",
                "--no-cache-dir",
                wanted,
            ],
            cwd=self._folder,
            env={**_kept(os.environ), "PATH": str(self._bin)},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=INSTALL_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise ReleaseError(
                f"{done.stdout}\n{done.stderr}\n{archive.name} cannot be installed; pip's output is above"
            )
        if "nodejs" in done.stdout.replace("_", "-").lower():
            raise ReleaseError(f"{archive.name} asks for Node.js, which is only for those who change the page")

    def compare(self, wheel: Path) -> int:
        """How many files are installed, all as in the wheel. Raises ReleaseError where one is not, or is too many."""
        package = Path(self.run("python", "-c", "import pyaiot; print(pyaiot.__path__[0])").strip())
        if not package.is_relative_to(self._folder):
            raise ReleaseError(f"what was imported is {package}, not what was installed")
        with zipfile.ZipFile(wheel) as files:
            wanted = {name: files.read(name) for name in files.namelist() if name.startswith("pyaiot/")}
        there = {
            path.relative_to(package.parent).as_posix(): path.read_bytes()
            for path in package.rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        for name in sorted({*wanted, *there}):
            if wanted.get(name) != there.get(name):
                raise ReleaseError(f"{name} is installed otherwise than the wheel has it")
        return len(there)

    def commands(self) -> list[str]:
        """The commands that are installed; each was asked for its --help. Raises ReleaseError."""
        names = sorted(path.name for path in self._bin.glob("aiot*"))
        for name in names:
            if "usage:" not in self.run(name, "--help"):
                raise ReleaseError(f"{name} --help says nothing of its usage")
        return names

    def run(self, command: str, *arguments: str) -> str:
        """What an installed command prints. Raises ReleaseError where it fails."""
        done = subprocess.run(
            [str(self._bin / command), *arguments],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_S,
        )
        if done.returncode != 0:
            raise ReleaseError(f"{done.stdout}{done.stderr}\n{command} failed once installed; what it wrote is above")
        return done.stdout

    def demo(self) -> Process:
        """``aiot up --demo``, starting; a context manager."""
        command = [str(self._bin / "aiot"), "up", "--demo"]
        return Process(command, folder=self._folder, environment={**self._environment, **_DEMO})


def _kept(environment: Mapping[str, str]) -> dict[str, str]:
    """What is set on this machine for every program, and nothing that concerns Python, Node.js or pyaiot itself."""
    ours = ("PYTHON", "VIRTUAL_ENV", "AIOT_", "NODE", "npm_", "SOURCE_DATE_EPOCH")
    return {name: value for name, value in environment.items() if not name.startswith(ours)}
