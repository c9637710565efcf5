# SPDX-License-Identifier: BSD-3-Clause
"""All steps, in order; see the package. What is made is in ``dist/``, and only when every check has passed."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from pathlib import Path

from build_backend.front_end import pypi_node, system_node
from pyaiot import __version__
from release import bundled, contents, sbom
from release.building import WAYS, BuildsDifferError, Built, build, compare
from release.clean_room import CleanRoom
from release.live_page import watch
from release.tree import ROOT, Commit, ReleaseError, export, extras_for_users, last_commit
from release.unpacked import try_tests

DIST = ROOT / "dist"


def main() -> int:
    """Make everything; 1 when something is not fit to be published."""
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="pyaiot-dist-"))
    keep = False
    try:
        made = make(last_commit(), folder)
    except ReleaseError as error:
        keep = isinstance(error, BuildsDifferError)
        return failed(str(error))
    except subprocess.TimeoutExpired as error:
        return failed(f"{' '.join(error.cmd[:4])} … took longer than {error.timeout:.0f} s")
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"\nIn dist/, made and checked in {time.monotonic() - begin:.0f} s:")
    for path in made:
        print(f"  {path.stat().st_size:>11,} bytes  {path.name}")
    return 0


def make(commit: Commit, folder: Path) -> list[Path]:
    """Do all steps in ``folder``; the files in ``dist/``. Raises ReleaseError."""
    print(f"pyaiot {__version__}, commit {commit.name}", flush=True)
    if commit.changes:
        print(f"NOT in it: {len(commit.changes)} files that are changed here and not committed")
    first, second = (build(way, folder, commit.moment_s) for way in WAYS)
    done("built", "wheel and sdist from the commit, and again: the wheel from the sdist")
    compare(first, second)
    done("same", "both times, byte for byte: in other folders, time zone, umask, hash seed")
    check_contents(first)
    done(
        "contents",
        f"no keys or caches, no tests in the wheel; page, licences; wheel ≤ {contents.MAX_WHEEL_BYTES / 1e6:g} MB",
    )
    twine = run("-m", "twine", "check", "--strict", str(first.wheel), str(first.sdist))
    if twine is not None:
        raise ReleaseError(f"{twine}\ntwine finds fault with it")
    done("metadata", "twine check --strict")
    count = try_tests(first.sdist, folder / "unpacked")
    done("tests", f"{count} of them pass in the unpacked sdist")
    extras = extras_for_users()
    rooms = []
    for archive in (first.wheel, first.sdist):
        kind = "wheel" if archive == first.wheel else "sdist"
        room = CleanRoom(folder / f"room-{kind}")
        room.install(archive, extras)
        count, commands = room.compare(first.wheel), room.commands()
        done(f"{kind}", f"installs without Node.js: {count} files, as the wheel has them; {len(commands)} commands")
        with room.demo() as demo:
            seen = watch(demo.expect(r"Dashboard\s+(http\S+)")[1])
        done("", f"its demo's page, in Chromium: {seen.device} {seen.before} → {seen.after}")
        rooms.append(room)
    bill = folder / f"pyaiot-{__version__}.cdx.json"
    count = write_bill(bill, rooms[0], first.wheel, commit)
    done("SBOM", f"{count} packages, Python and JavaScript; valid CycloneDX 1.6")
    return publish([first.wheel, first.sdist, bill])


def check_contents(built: Built) -> None:
    """Raises ReleaseError with every complaint."""
    with zipfile.ZipFile(built.wheel) as wheel:
        files = {name: wheel.read(name) for name in wheel.namelist()}
    complaints = [*contents.of_wheel(files, built.wheel.stat().st_size)]
    with tarfile.open(built.sdist) as sdist:
        files = {each.name: file.read() for each in sdist if (file := sdist.extractfile(each)) is not None}
    complaints += contents.of_sdist(files)
    if complaints:
        raise ReleaseError("\n  ".join(("the archives are not as they should be:", *complaints)))


def write_bill(path: Path, room: CleanRoom, wheel: Path, commit: Commit) -> int:
    """How many packages are in the bill of materials; made twice, which must be the same. Raises ReleaseError."""
    with zipfile.ZipFile(wheel) as files:
        document = files.read(f"{contents.PAGE}licenses.md").decode()
        generator = files.read(f"pyaiot-{__version__}.dist-info/WHEEL").decode().split("Generator: ")[1].splitlines()[0]
    sources = path.parent / "for-the-bill"
    sources.mkdir()
    export(sources)
    lock = (sources / "dashboard" / "package-lock.json").read_text(encoding="utf-8")
    try:
        page = bundled.components(document, lock)
    except KeyError as error:
        raise ReleaseError(f"the page is made of what package-lock.json does not know: {error}") from None
    built_with = (f"Python {platform.python_version()}", generator, f"Node.js {node_version()}")
    for _ in range(2):
        before = path.read_bytes() if path.exists() else None
        environment = sbom.of_environment(room.python, sources / "pyproject.toml", commit.moment_s)
        bill = sbom.merge(environment, page, version=__version__, commit=commit.name, built_with=built_with)
        sbom.write(bill, path)
    if before != path.read_bytes():
        raise ReleaseError("two bills of materials of one installation differ")
    return len(bill["components"])


def node_version() -> str:
    """Of the Node.js that built the page."""
    node = system_node() or pypi_node()
    if node is None:
        return "none"
    return subprocess.run([node.program, "--version"], capture_output=True, text=True, check=True).stdout.strip()


def publish(files: list[Path]) -> list[Path]:
    """Put ``files`` into ``dist/``, which then has nothing else but their digests (for ``sha256sum --check``)."""
    shutil.rmtree(DIST, ignore_errors=True)
    DIST.mkdir()
    made = [Path(shutil.copyfile(each, DIST / each.name)) for each in sorted(files)]
    sums = "".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in made)
    (DIST / "SHA256SUMS").write_text(sums)
    return [*made, DIST / "SHA256SUMS"]


def run(*arguments: str) -> str | None:
    """What Python printed where it failed; None where it did not."""
    finished = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, timeout=120)
    return finished.stdout + finished.stderr if finished.returncode else None


def failed(why: str) -> int:
    """Say so; the exit code."""
    print(f"\nNothing was made: {why}", file=sys.stderr)
    return 1


def done(what: str, how: str) -> None:
    """A line of what has been done."""
    print(f"  {what:9} {how}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
