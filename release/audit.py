# SPDX-License-Identifier: BSD-3-Clause
"""``python -m release.audit``: ask whether anything is known against the packages that users install with pyaiot.

Those that only serve development are not asked about: nobody runs them. Where the services cannot be asked, a line
says so, and that is no failure; a vulnerability is one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from build_backend.front_end import pypi_node, system_node
from release.advisories import Verdict, of_npm_audit, of_pip_audit
from release.tree import ROOT, extras_for_users

#: What a check may be held up by a service that does not answer.
TIMEOUT_S = 20


def main() -> int:
    """1 when a vulnerability is known, or a tool fails by itself."""
    fails = False
    for tool, ask in (("pip-audit", python_packages), ("npm audit", npm_packages)):
        verdict = ask()
        if verdict.kind == "unknown":
            print(f"{tool}: NOT CHECKED, {verdict.text}")
        elif verdict.kind == "clean":
            print(f"{tool}: {verdict.text}")
        else:
            fails = True
            print(f"{tool}: {verdict.text}", file=sys.stderr)
    return int(fails)


def python_packages() -> Verdict:
    """The packages that pyaiot needs, with its extras for users, in the versions that are installed here."""
    pins = installed("pyaiot", extras_for_users())
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.writelines(f"{name}=={version}\n" for name, version in sorted(pins.items()))
        file.flush()
        options = ("--format", "json", "--progress-spinner", "off", "--timeout", str(TIMEOUT_S // 2))
        command = [sys.executable, "-m", "pip_audit", *options, "--no-deps", "--disable-pip", "-r", file.name]
        return _ask(command, ROOT, of_pip_audit)


def npm_packages() -> Verdict:
    """The packages that the page is built of and with."""
    node = system_node() or pypi_node()
    if node is None:
        return Verdict("unknown", "there is no Node.js here")
    command = [*node.npm, "audit", "--json", "--omit=dev", "--package-lock-only", "--fetch-retries=0"]
    return _ask(command, ROOT / "dashboard", of_npm_audit)


def installed(package: str, extras: Iterable[str]) -> dict[str, str]:
    """Versions of all that ``package`` needs here, without itself, by name; what is not installed is left out."""
    found: dict[str, str] = {}
    waiting, seen = [(package, frozenset(extras))], set()
    while waiting:
        name, wanted = waiting.pop()
        for text in distribution(name).requires or ():
            need = Requirement(text)
            if need.marker and not any(need.marker.evaluate({"extra": extra}) for extra in ("", *wanted)):
                continue
            key = canonicalize_name(need.name), frozenset(need.extras)
            if key in seen:
                continue
            seen.add(key)
            try:
                found[key[0]] = distribution(need.name).version
            except PackageNotFoundError:
                continue
            waiting.append(key)
    return found


def _ask(command: list[str], folder: Path, judge: Callable[[str, str], Verdict]) -> Verdict:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return Verdict("unknown", f"no answer within {TIMEOUT_S} s")
    return judge(done.stdout, done.stderr)


if __name__ == "__main__":
    sys.exit(main())
